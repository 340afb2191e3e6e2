"""What a profile keeps in bytea columns, to and from Python's values."""

import struct
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from gamification.domain.ids import EventId
from gamification.domain.player import NO_STAMP, Bucket, BucketKey, Stamp

COUNTER: Final = struct.Struct(">iq")
WINDOW: Final = struct.Struct(">iH")
CODE: Final = struct.Struct(">i")
STAMP: Final = struct.Struct(">q16s")
NO_STAMP_RAW: Final = STAMP.pack(-1, bytes(16))


def pack_counters(counters: dict[int, int]) -> bytes:
    """Pairs of code (4 bytes) and value (8 bytes). Raises struct.error beyond 64 bits."""
    return struct.pack(f">{'iq' * len(counters)}", *chain.from_iterable(counters.items()))


def unpack_counters(raw: bytes) -> dict[int, int]:
    return dict(COUNTER.iter_unpack(raw))


def pack_codes(codes: Iterable[int]) -> bytes:
    ordered = sorted(codes)
    return struct.pack(f">{len(ordered)}i", *ordered)


def unpack_codes(raw: bytes) -> set[int]:
    return set(struct.unpack(f">{len(raw) // CODE.size}i", raw))


def pack_windows(windows: Iterable[tuple[BucketKey, Bucket]]) -> bytes:
    """For each: its key (4 bytes), how many counters (2 bytes), and them."""
    return b"".join(
        [
            WINDOW.pack(key, len(bucket.counters)) + pack_counters(bucket.counters)
            for key, bucket in windows
        ]
    )


def unpack_windows(raw: bytes) -> Iterator[tuple[BucketKey, Bucket]]:
    place = 0
    while place < len(raw):
        key, count = WINDOW.unpack_from(raw, place)
        start = place + WINDOW.size
        place = start + count * COUNTER.size
        yield BucketKey(key), Bucket(unpack_counters(raw[start:place]))


def pack_stamps(stamps: tuple[Stamp, ...]) -> bytes:
    """Empty while no `customer.updated` was counted, as for most customers."""
    if all(stamp.occurred_ms < 0 for stamp in stamps):
        return b""
    return b"".join(
        STAMP.pack(stamp.occurred_ms, stamp.event_id) if stamp.event_id else NO_STAMP_RAW
        for stamp in stamps
    )


def unpack_stamps(raw: bytes) -> tuple[Stamp, Stamp, Stamp]:
    if not raw:
        return (NO_STAMP, NO_STAMP, NO_STAMP)
    first, second, third = (
        Stamp(occurred_ms, EventId(event_id)) if occurred_ms >= 0 else NO_STAMP
        for occurred_ms, event_id in STAMP.iter_unpack(raw)
    )
    return first, second, third
