"""Calls are gathered, handled together, and each caller hears how its own one ended."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from gamification.application.gather import Bounds, Gatherer
from gamification.domain.errors import Suspect, Unavailable
from tests.waiting import eventually

WITHIN_S = 10.0


class Doubling:
    """Doubles numbers; told to be away, to choke on one, or to wait."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.made = 0
        self.away = 0
        self.poison: int | None = None
        self.gate = threading.Event()
        self.gate.set()

    def make(self) -> "Doubling":
        self.made += 1
        return self

    def handle(self, calls: Sequence[int]) -> list[int]:
        assert self.gate.wait(WITHIN_S)
        self.batches.append(list(calls))
        if self.away:
            self.away -= 1
            raise Unavailable("away")
        if self.poison in calls:
            raise Suspect("one of them")
        return [2 * call for call in calls]

    def close(self) -> None: ...


@contextmanager
def gathering(handler: Doubling, **bounds: int) -> Iterator[Gatherer[int, int]]:
    wanted = {"gather_ms": 0, "together_max": 100, "waiting_max": 100} | bounds
    gatherer: Gatherer[int, int] = Gatherer(handler.make, Bounds(**wanted))
    gatherer.start()
    try:
        yield gatherer
    finally:
        handler.gate.set()
        assert gatherer.stop(WITHIN_S)


def test_what_comes_while_one_is_handled_is_handled_together() -> None:
    handler = Doubling()
    with gathering(handler) as gatherer:
        handler.gate.clear()
        first = gatherer.submit(0, WITHIN_S)
        rest = [gatherer.submit(n, WITHIN_S) for n in range(1, 50)]
        handler.gate.set()
        assert first.result(WITHIN_S) == 0
        assert [each.result(WITHIN_S) for each in rest] == [2 * n for n in range(1, 50)]
    assert len(handler.batches) <= 3
    assert handler.made == 1


def test_never_more_than_the_limit_together() -> None:
    handler = Doubling()
    with gathering(handler, together_max=10) as gatherer:
        futures = [gatherer.submit(n, WITHIN_S) for n in range(45)]
        assert [each.result(WITHIN_S) for each in futures] == [2 * n for n in range(45)]
    assert max(map(len, handler.batches)) <= 10


def test_one_that_spoils_it_fails_alone() -> None:
    handler = Doubling()
    handler.poison = 7
    with gathering(handler, gather_ms=50) as gatherer:
        futures = [gatherer.submit(n, WITHIN_S) for n in range(20)]
        for number, future in enumerate(futures):
            if number == 7:
                with pytest.raises(Suspect):
                    future.result(WITHIN_S)
            else:
                assert future.result(WITHIN_S) == 2 * number


def test_a_connection_that_broke_is_made_anew_and_nobody_notices() -> None:
    handler = Doubling()
    handler.away = 1
    with gathering(handler) as gatherer:
        assert gatherer.submit(4, WITHIN_S).result(WITHIN_S) == 8
    assert handler.made == 2


def test_an_outage_is_told_and_the_next_call_tries_again() -> None:
    handler = Doubling()
    handler.away = 2
    with gathering(handler) as gatherer:
        with pytest.raises(Unavailable, match="away"):
            gatherer.submit(4, WITHIN_S).result(WITHIN_S)
        assert gatherer.submit(4, WITHIN_S).result(WITHIN_S) == 8


def test_too_many_waiting_are_refused_at_once() -> None:
    handler = Doubling()
    with gathering(handler, waiting_max=3, together_max=1) as gatherer:
        handler.gate.clear()
        began = gatherer.submit(0, WITHIN_S)
        eventually(began.running)
        futures = [began, *(gatherer.submit(number, WITHIN_S) for number in (1, 2, 3))]
        with pytest.raises(Unavailable, match="3 calls wait already"):
            gatherer.submit(4, WITHIN_S)
        handler.gate.set()
        assert [each.result(WITHIN_S) for each in futures] == [0, 2, 4, 6]


def test_a_call_whose_time_is_over_or_whose_caller_went_away_is_not_begun() -> None:
    handler = Doubling()
    with gathering(handler, together_max=1) as gatherer:
        handler.gate.clear()
        first = gatherer.submit(1, WITHIN_S)
        late = gatherer.submit(2, within_s=0)
        gone = gatherer.submit(3, WITHIN_S)
        assert gone.cancel()
        last = gatherer.submit(4, WITHIN_S)
        handler.gate.set()
        assert (first.result(WITHIN_S), last.result(WITHIN_S)) == (2, 8)
        with pytest.raises(Unavailable, match="no time left"):
            late.result(WITHIN_S)
    assert [2] not in handler.batches
    assert [3] not in handler.batches


def test_a_stop_finishes_what_waits_and_takes_nothing_new() -> None:
    handler = Doubling()
    with gathering(handler) as gatherer:
        futures = [gatherer.submit(n, WITHIN_S) for n in range(20)]
        assert gatherer.stop(WITHIN_S)
        assert [each.result(WITHIN_S) for each in futures] == [2 * n for n in range(20)]
        with pytest.raises(Unavailable, match="stopping"):
            gatherer.submit(1, WITHIN_S)
