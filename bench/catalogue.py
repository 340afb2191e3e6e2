"""All measurements, in the order in which they are made: readers of the same topic together."""

from collections.abc import Mapping
from typing import Any, Final

from bench import (
    award_badge,
    batch_size,
    copy_limit,
    decode,
    drain,
    latency,
    letters,
    limits,
    memory,
    per_event_loop,
    profiles_cost,
    projection,
    replay_beside,
    space,
    two_workers,
)
from bench.measurement import Bench, Figures, Measurement, Row

DECODE: Final = "decode"


def _decode(_bench: Bench) -> Figures:
    return decode.run()


def _decode_rows(found: Mapping[str, Any]) -> list[Row]:
    return [
        Row(
            f"decode and check {topic}",
            f"{at['events_per_s']:,}/s",
            f"{at['ratio_to_fastavro_alone']} x fastavro alone",
        )
        for topic, at in found["decode"].items()
    ]


_ALL: Final = (
    Measurement(
        name=DECODE,
        about="decoding and checking, records/s of each topic",
        measure=_decode,
        rows=_decode_rows,
        warm=False,
    ),
    drain.MEASUREMENT,
    copy_limit.MEASUREMENT,
    per_event_loop.MEASUREMENT,
    two_workers.MEASUREMENT,
    batch_size.MEASUREMENT,
    latency.MEASUREMENT,
    projection.MEASUREMENT,
    award_badge.MEASUREMENT,
    memory.MEASUREMENT,
    limits.MEASUREMENT,
    space.MEASUREMENT,
    profiles_cost.MEASUREMENT,
    letters.MEASUREMENT,
    replay_beside.MEASUREMENT,
)
BY_NAME: Final = {each.name: each for each in _ALL}


def chosen(names: list[str]) -> list[Measurement]:
    """Those named and those that they need, in order; all when none is named."""
    wanted = set(names or BY_NAME)
    for name in names:
        wanted.update(BY_NAME[name].needs)
    return [each for each in _ALL if each.name in wanted]
