"""What live events notice of dead letters that are sent again beside them.

The same open loop as `latency`, at one rate, alone and with a replay going on; everything in one
run on one database, and once more alone at the end, so that a machine that changed meanwhile shows.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from bench import latency
from bench.command import beside
from bench.measurement import Bench, Failed, Figures, Measurement, Row
from bench.parked import park
from bench.run import Run, fresh_run
from bench.sender import Load, lead_s
from gamification.wire.dead_letter import DLQ_TOPIC

NAME: Final = "replay_beside"
LIVE_PER_S: Final = 200
REPLAYS_PER_S: Final = (0, 100, 1_000, 0)
LEAD_S: Final = 45
"""Letters for so many seconds more than is measured: until the command sends its first one."""
SENDS_WITHIN_S: Final = 60.0

REPLAYED: Final = "SELECT count(*) FROM dead_letters WHERE status <> 'parked'"


def measure(bench: Bench) -> Figures:
    ground, scale = bench.ground, bench.scale
    ground.empty_topic()
    ground.empty_topic(DLQ_TOPIC)
    with fresh_run(ground, NAME) as run:
        letters = sum(REPLAYS_PER_S) * (latency.SETTLE_S + scale.seconds + LEAD_S)
        park(run.addresses.postgres_dsn, ground.kafka, ground.schemas, letters)
        run.application.start()
        counted = latency.introduce(run)
        fresh = latency.POOL
        found: list[Figures] = []
        for per_s in REPLAYS_PER_S:
            events = LIVE_PER_S * (latency.SETTLE_S + scale.seconds)
            with _replaying(run, per_s):
                before, begun = _replayed(run), time.monotonic()
                load = Load(
                    kafka=ground.kafka,
                    registry=ground.stack.addresses.registry_url,
                    begin=time.time() + lead_s(events),
                    per_s=LIVE_PER_S,
                    events=events,
                    first_fresh=fresh,
                )
                measured = latency.at_rate(run, load)
                replayed = (_replayed(run) - before) / (time.monotonic() - begun)
            found.append({**measured, "asked_per_s": per_s, "replayed_per_s": round(replayed, 1)})
            fresh += events
            counted += events
            run.drain(run.application.workers[:1], counted)
            run.announced_at()
        return {"live_per_s": LIVE_PER_S, "seconds": scale.seconds, "beside": found}


@contextmanager
def _replaying(run: Run, per_s: int) -> Iterator[None]:
    """The command at work, its first letters sent; with 0, nobody."""
    if not per_s:
        yield
        return
    before = _replayed(run)
    with beside(run.addresses, "cli.reprocess_dlq", "replay", "--rate", str(per_s), "--yes"):
        until = time.monotonic() + SENDS_WITHIN_S
        while _replayed(run) == before:
            if time.monotonic() > until:
                raise Failed("the replay does not begin")
            time.sleep(0.1)
        yield


def _replayed(run: Run) -> int:
    return int(run.one(REPLAYED)[0])


def rows(found: Mapping[str, Any]) -> list[Row]:
    return [
        Row(
            f"due -> badge seen, at {found['live_per_s']}/s"
            + (f", beside a replay at {at['asked_per_s']:,}/s" if at["asked_per_s"] else ", alone"),
            f"p50 {at['p50_ms']} p99 {at['p99_ms']} max {at['max_ms']} ms",
            f"{at['replayed_per_s']:,} letters/s" if at["asked_per_s"] else "",
        )
        for at in found["beside"]
    ]


MEASUREMENT: Final = Measurement(
    name=NAME,
    about="live events at 200/s beside a replay at 100 and 1,000/s",
    measure=measure,
    rows=rows,
)
