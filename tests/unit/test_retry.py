"""How a loop meets a dependency that is away."""

import threading
import time

import pytest
from structlog.testing import capture_logs

from consumers.process import Process
from consumers.retry import Backoff, retry_while_unavailable
from gamification.api.http.vitals import Vitals
from gamification.domain.errors import Halt, PartitionLost, Unavailable
from gamification.settings import Settings


def a_process() -> Process:
    return Process("award", Settings(), threading.Event(), Vitals(heartbeat_limit_s=60))


def no_pauses() -> Backoff:
    return Backoff(1, 1, jitter=lambda: 0.0)


def test_pauses_double_up_to_the_limit_and_begin_anew_after_a_reset() -> None:
    backoff = Backoff(20, 100, jitter=lambda: 1.0)

    assert [backoff.next_s() for _ in range(5)] == [0.02, 0.04, 0.08, 0.1, 0.1]
    backoff.reset()
    assert backoff.next_s() == 0.02


def test_a_pause_is_anything_up_to_its_length() -> None:
    backoff = Backoff(1000, 1000)

    pauses = [backoff.next_s() for _ in range(200)]

    assert min(pauses) < 0.2
    assert max(pauses) > 0.8
    assert max(pauses) <= 1.0


def test_work_is_tried_until_it_works_and_then_goes_on() -> None:
    process, outcomes = a_process(), [Unavailable("a"), PartitionLost("b"), None, None]
    done: list[int] = []

    def work() -> None:
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome
        done.append(1)
        if not outcomes:
            process.stop.set()

    retry_while_unavailable(process, work, backoff=no_pauses())

    assert len(done) == 2
    assert process.vitals.liveness() == {"worker": None}


def test_recovery_comes_before_the_next_try_and_may_fail_itself() -> None:
    process, steps = a_process(), []
    lost, away = PartitionLost("lost"), Unavailable("away")

    def work() -> None:
        steps.append("work")
        if steps.count("work") == 1:
            raise lost
        process.stop.set()

    def recover(error: Unavailable) -> None:
        steps.append(f"recover from {error}")
        if error is lost:
            raise away

    retry_while_unavailable(process, work, recover=recover, backoff=no_pauses())

    assert steps == ["work", "recover from lost", "recover from away", "work"]


def test_after_work_that_succeeded_the_next_pause_is_a_first_one() -> None:
    process, backoff = a_process(), Backoff(1, 1000, jitter=lambda: 1.0)
    outcomes = [Unavailable("a"), Unavailable("b"), Unavailable("c"), None]

    def work() -> None:
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome
        process.stop.set()

    retry_while_unavailable(process, work, backoff=backoff)

    assert backoff.next_s() == 0.001


@pytest.mark.parametrize("error", [Halt("broken"), ValueError("bug")])
def test_what_is_not_unavailable_gets_out(error: Exception) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)):
        retry_while_unavailable(a_process(), work)


def test_a_stop_ends_a_long_pause() -> None:
    process = a_process()
    began = time.monotonic()

    def work() -> None:
        threading.Timer(0.05, process.stop.set).start()
        raise Unavailable("away")

    retry_while_unavailable(process, work, backoff=Backoff(60_000, 60_000, jitter=lambda: 1.0))

    assert time.monotonic() - began < 10


def test_nothing_is_begun_after_a_stop() -> None:
    process = a_process()
    process.stop.set()

    retry_while_unavailable(process, pytest.fail)


def test_an_outage_is_told_once_when_it_begins_and_once_when_it_is_over() -> None:
    process, tries = a_process(), []

    def work() -> None:
        tries.append(1)
        if len(tries) <= 50:
            raise Unavailable("postgres: refused")
        process.stop.set()

    with capture_logs() as lines:
        retry_while_unavailable(process, work, backoff=no_pauses())

    assert [line["event"] for line in lines] == ["unavailable", "available_again"]
    assert lines[0]["reason"] == "postgres: refused"
    assert lines[1]["tries"] == 50
