"""When a process calls itself alive and ready."""

import threading

from gamification.api.http.vitals import Vitals


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_loop_that_turned_recently_is_alive_and_one_that_did_not_is_named() -> None:
    clock = Clock()
    vitals = Vitals(heartbeat_limit_s=60, clock=clock)
    vitals.beat("poll")
    vitals.beat("lag")
    clock.now_s += 61
    vitals.beat("poll")

    assert vitals.liveness() == {"poll": None, "lag": "did not turn for 61 s, limit 60 s"}


def test_a_start_that_takes_longer_than_the_limit_is_not_alive() -> None:
    clock = Clock()
    vitals = Vitals(heartbeat_limit_s=60, clock=clock)

    assert vitals.liveness() == {"start": None}
    clock.now_s += 61
    assert vitals.liveness() == {"start": "did not turn for 61 s, limit 60 s"}
    vitals.beat("poll")
    assert vitals.liveness() == {"poll": None}


def test_a_failing_check_is_told_with_its_error() -> None:
    def away() -> None:
        raise ConnectionError("no route")

    vitals = Vitals(heartbeat_limit_s=60)
    vitals.add_check("database", away)
    vitals.add_check("broker", lambda: None)

    assert vitals.readiness() == {"database": "ConnectionError: no route", "broker": None}


def test_a_check_that_hangs_does_not_hold_up_the_answer_nor_run_twice() -> None:
    clock, release, calls = Clock(), threading.Event(), []

    def hangs() -> None:
        calls.append(1)
        release.wait(timeout=30)

    vitals = Vitals(heartbeat_limit_s=60, checks_within_s=0.05, clock=clock)
    vitals.add_check("database", hangs)

    for _ in range(3):
        assert vitals.readiness() == {"database": "no answer in time"}
        clock.now_s += 10
    assert len(calls) == 1
    release.set()


def test_an_answer_is_kept_for_a_second() -> None:
    clock, calls = Clock(), []
    vitals = Vitals(heartbeat_limit_s=60, clock=clock)
    vitals.add_check("database", lambda: calls.append(1))

    vitals.readiness()
    vitals.readiness()
    assert len(calls) == 1
    clock.now_s += 1
    vitals.readiness()
    assert len(calls) == 2


def test_a_process_that_is_stopping_is_alive_but_not_ready() -> None:
    vitals = Vitals(heartbeat_limit_s=60)
    vitals.beat("poll")

    vitals.stopping()

    assert vitals.liveness() == {"poll": None}
    assert vitals.readiness() == {"process": "stopping"}


def test_a_check_that_is_added_while_others_run_counts_from_the_next_answer_on() -> None:
    clock = Clock()
    vitals = Vitals(heartbeat_limit_s=60, clock=clock)
    vitals.add_check("early", lambda: vitals.add_check("late", lambda: None))
    vitals.add_check("other", lambda: None)

    assert vitals.readiness() == {"early": None, "other": None}
    clock.now_s += 2
    assert "late" in vitals.readiness()
