"""A call into librdkafka that never comes back is left behind; others are as if made directly."""

import threading

import pytest

from gamification.adapters.kafka import bounded
from gamification.adapters.kafka.bounded import BoundedCaller
from gamification.domain.errors import Halt, Unavailable


@pytest.fixture(autouse=True)
def nobody_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedCaller, "_left_behind", 0)


def test_calls_are_made_in_order_and_waited_for() -> None:
    caller = BoundedCaller("test")
    made: list[int] = []
    for number in range(5):
        caller.call(lambda number=number: made.append(number), 5)  # type: ignore[misc]
        assert made[-1] == number
    caller.close()


def test_what_the_call_raises_is_raised_here() -> None:
    def fail() -> None:
        raise ValueError("said so")

    caller = BoundedCaller("test")
    with pytest.raises(ValueError, match="said so"):
        caller.call(fail, 5)
    caller.close()


def test_a_call_that_never_comes_back_is_left_behind() -> None:
    over = threading.Event()
    caller = BoundedCaller("test")
    with pytest.raises(Unavailable, match="no answer within 0 s, the client is stuck"):
        caller.call(lambda: _wait(over), 0.01)
    caller.close()
    over.set()


def test_too_many_of_them_end_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "LEFT_BEHIND_MAX", 1)
    over = threading.Event()
    callers = [BoundedCaller("test") for _ in range(2)]
    with pytest.raises(Unavailable):
        callers[0].call(lambda: _wait(over), 0.01)
    with pytest.raises(Halt, match="never came back: restart"):
        callers[1].call(lambda: _wait(over), 0.01)
    for caller in callers:
        caller.close()
    over.set()


def _wait(over: threading.Event) -> None:
    over.wait()
