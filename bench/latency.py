"""From the moment an activity was due to the moment a reader of committed records has the badge.

Open loop: events come by a schedule whatever the engine does, and an event that is sent late
counts from when it was due. Measured are customers whose first points bring a badge.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from bench.ground import Ground
from bench.inside import Inside
from bench.measurement import Bench, Failed, Figures, Measurement, Row
from bench.quantiles import summary
from bench.run import Run, fresh_run
from bench.sender import Load, Sender, lead_s

NAME: Final = "latency"
INTRODUCED_PER_S: Final = 1_000
POOL: Final = 10_000
"""Customers who are known before, for the loads in which not everybody is new."""
SETTLE_S: Final = 3
"""At the beginning of each rate, not counted."""
RATES: Final = ((200, 1), (1_000, 1), (5_000, 5))
"""Events a second, and of how many events one is of a new customer."""
TARGETS: Final = {
    200: "p50 < 15, p99 < 50 ms",
    1_000: "p50 < 15, p99 < 50 ms",
    5_000: "p99 < 100 ms",
}
AWARDED: Final = "badge.awarded"
LOST_AFTER_S: Final = 90.0
"""Behind the last event: a machine that cannot keep up is slow for long, but loses nothing."""
READ_AT_ONCE: Final = 1_000


def measure(bench: Bench) -> Figures:
    ground, scale = bench.ground, bench.scale
    ground.empty_topic()
    with fresh_run(ground, NAME) as run:
        run.application.start()
        counted = introduce(run)
        fresh = POOL
        rates: Figures = {}
        for per_s, fresh_every in RATES:
            events = per_s * (SETTLE_S + scale.seconds)
            load = Load(
                kafka=ground.kafka,
                registry=ground.stack.addresses.registry_url,
                begin=time.time() + lead_s(events),
                per_s=per_s,
                events=events,
                first_fresh=fresh,
                fresh_every=fresh_every,
                pool=POOL,
            )
            fresh += events
            rates[str(per_s)] = at_rate(run, load)
            counted += events
            run.drain(run.application.workers[:1], counted)
            run.announced_at()
        return {
            "seconds": scale.seconds,
            "rates": rates,
            "memory_mib": run.memory(),
        }


def introduce(run: Run) -> int:
    """One event for each customer of the pool, so that later they are known; how many events."""
    load = Load(
        kafka=run.ground.kafka,
        registry=run.addresses.registry_url,
        begin=time.time() + lead_s(POOL),
        per_s=INTRODUCED_PER_S,
        events=POOL,
        first_fresh=0,
    )
    Sender(load).finish()
    run.drain(run.application.workers[:1], POOL)
    run.announced_at()
    return POOL


def at_rate(run: Run, load: Load) -> Figures:
    """How long each fresh customer of `load` waited for the badge. Raises Failed."""
    due = load.fresh(from_s=SETTLE_S)
    with run.ground.reader(fetch_wait_max_ms=100) as reader:
        reader.assign(_ends(run.ground))
        reader.poll(0.2)  # connects
        sender = Sender(load)
        meter, inside = run.meter(sender=sender.pid), Inside(run.application.workers)
        until = load.due(load.events) + LOST_AFTER_S
        seen_after_s = _watch(reader, due, until)
        if len(seen_after_s) < len(due):
            missing = f"{len(due) - len(seen_after_s):,} of {len(due):,} badges"
            raise Failed(f"{missing} were not seen at {load.per_s:,}/s: {run.backlog()}")
        # Read while the sender still exists: a process that ended has no figures.
        usage = meter.read()
        workers = inside.read(usage["wall_s"])
        said = sender.finish()
    return {**summary(seen_after_s), "sender": said, "workers": workers, "usage": usage}


def _ends(ground: Ground) -> list[TopicPartition]:
    return [TopicPartition(*place, offset) for place, offset in ground.ends(AWARDED).items()]


def _watch(reader: Consumer, due: dict[str, float], until: float) -> list[float]:
    """Seconds from due to seen for everybody in `due`; fewer when `until` has passed."""
    waiting = {customer.encode(): when for customer, when in due.items()}
    took_s: list[float] = []
    while waiting and time.time() < until:
        first = reader.poll(0.1)
        if first is None:
            continue
        more = reader.consume(READ_AT_ONCE, timeout=0)
        now = time.time()
        for message in (first, *more):
            when = waiting.pop(message.key() or b"", None)
            if when is not None:
                took_s.append(now - when)
    return took_s


def rows(found: Mapping[str, Any]) -> list[Row]:
    return [
        Row(
            f"due -> badge seen, at {int(per_s):,}/s",
            f"p50 {at['p50_ms']} p99 {at['p99_ms']} max {at['max_ms']} ms",
            target=TARGETS.get(int(per_s), ""),
        )
        for per_s, at in found["rates"].items()
    ]


MEASUREMENT: Final = Measurement(
    name=NAME, about="open loop at 200, 1,000 and 5,000/s", measure=measure, rows=rows
)
