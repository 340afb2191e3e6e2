"""The short cut during a storm of duplicates never lets a contradiction pass for a repetition."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from gamification.adapters.postgres.processed_events import EventKey
from gamification.adapters.redis.processed import Processed
from gamification.application.award import Outcome
from gamification.application.shortcut import Shortcut
from gamification.domain.activity import Activity, Kind
from gamification.wire.envelope import Decoded, Record
from tests.oracle.builders import did

RECORD = Record("points.earned", 0, 0, 0, None, b"", ())


class Memory:
    """What Redis would remember."""

    def __init__(self) -> None:
        self._hashes: dict[EventKey, int] = {}

    def known(self, events: Sequence[EventKey]) -> dict[EventKey, int]:
        return {event: self._hashes[event] for event in events if event in self._hashes}

    def remember(self, hashes: Mapping[EventKey, int], _ttl_s: int) -> int:
        self._hashes.update(hashes)
        return len(hashes)


def in_a_storm(*done: Activity) -> Shortcut:
    shortcut = Shortcut(cast("Processed", Memory()), storm_percent=50, ttl_s=60)
    for _ in range(20):
        shortcut.note(Outcome(duplicates=list(done)))
    assert shortcut.is_storm
    return shortcut


def batch(*activities: Activity) -> list[Decoded]:
    return [Decoded(RECORD, activity, None) for activity in activities]


def keys(activities: Iterable[Activity]) -> set[EventKey]:
    return {(each.merchant_id, each.event_id) for each in activities}


def test_what_was_counted_with_this_content_is_done() -> None:
    done, new = did(Kind.POINTS_EARNED, points=1), did(Kind.POINTS_EARNED, points=2)
    assert set(in_a_storm(done).known_done(batch(done, new, done))) == keys([done])


def test_other_content_under_a_known_id_is_not_done() -> None:
    done = did(Kind.POINTS_EARNED, points=1)
    other = replace(done, content_hash=done.content_hash + 1)
    assert not in_a_storm(done).known_done(batch(other))


def test_an_id_of_which_a_batch_says_two_things_is_left_to_postgres() -> None:
    """Whatever their order: one of the two is a conflict, and must be found."""
    done = did(Kind.POINTS_EARNED, points=1)
    other = replace(done, content_hash=done.content_hash + 1)
    shortcut = in_a_storm(done)
    assert not shortcut.known_done(batch(other, done))
    assert not shortcut.known_done(batch(done, other))


def test_in_quiet_times_nobody_is_asked() -> None:
    done = did(Kind.POINTS_EARNED, points=1)
    shortcut = Shortcut(cast("Processed", Memory()), storm_percent=50, ttl_s=60)
    shortcut.note(Outcome(duplicates=[done]))
    assert not shortcut.is_storm
    assert not shortcut.known_done(batch(done))
