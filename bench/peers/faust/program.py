"""The peers' job in Faust: `python program.py JSON`, in an environment of its own."""

import json
import sys
import time
from typing import Any

import faust

from bench.peers.envelope import badges, reader


def main() -> None:
    told: dict[str, Any] = json.loads(sys.argv[1])
    app = faust.App(
        told["group"],
        broker=f"kafka://{told['bootstrap']}",
        datadir=told["state_dir"],
        store=told["store"],
        processing_guarantee=told["guarantee"],
        topic_partitions=told["partitions"],
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        key_serializer="raw",
        value_serializer="raw",
        **told["settings"],
    )
    points = app.topic(told["input"], key_type=bytes, value_type=bytes)
    announced = app.topic(told["output"], key_type=bytes, value_type=bytes)
    raw = {"key_serializer": "raw", "value_serializer": "raw"}
    plain = {"partitions": told["partitions"], "key_type": bytes}
    seen = app.Table("seen", value_type=bytes, **plain)
    totals = app.Table("totals", value_type=int, **plain)
    read = reader(told["schema"])

    async def award(stream: Any) -> None:
        begun = False
        async for event in stream.events():
            if not begun:
                begun = True
                print(f"first {time.time()}", flush=True)
            who: bytes = event.key
            what, amount = read(event.value)
            if what in seen:
                continue
            seen[what] = b"1"
            before = totals.get(who, 0)
            totals[who] = before + amount
            for badge in badges(who.decode(), before, before + amount):
                announced.send_soon(key=who, value=badge, **raw)

    app.agent(points)(award)
    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
