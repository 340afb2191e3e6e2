"""The peers' job in Quix Streams: `python program.py JSON`, in an environment of its own."""

import json
import sys
import time
from typing import Any

from quixstreams import Application, State

from bench.peers.envelope import badges, reader

TOTAL = "total"


def main() -> None:
    told: dict[str, Any] = json.loads(sys.argv[1])
    app = Application(
        broker_address=told["bootstrap"],
        consumer_group=told["group"],
        state_dir=told["state_dir"],
        auto_offset_reset="earliest",
        auto_create_topics=True,  # its changelogs
        processing_guarantee="exactly-once",
        commit_interval=told["commit_interval_s"],
        commit_every=told["commit_every"],
        consumer_extra_config=told["consumer"],
        producer_extra_config=told["producer"],
        loglevel="WARNING",
    )
    points = app.topic(told["input"], key_deserializer="str", value_deserializer="bytes")
    announced = app.topic(told["output"], key_serializer="str", value_serializer="bytes")
    read = reader(told["schema"])
    begun = False

    def award(value: bytes, key: str, _timestamp: int, _headers: Any, state: State) -> list[bytes]:
        nonlocal begun
        if not begun:
            begun = True
            print(f"first {time.time()}", flush=True)
        event, amount = read(value)
        # A state's keys belong to the record's key already.
        if state.get_bytes(event) is not None:
            return []
        state.set_bytes(event, b"1")
        before: int = state.get(TOTAL, 0)
        state.set(TOTAL, before + amount)
        return badges(key, before, before + amount)

    frame = app.dataframe(points)
    frame = frame.apply(award, stateful=True, expand=True, metadata=True)
    frame.to_topic(announced)
    app.run()


if __name__ == "__main__":
    main()
