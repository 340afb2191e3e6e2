"""When nobody is asked any more, and when somebody is again."""

import pytest

from gamification.adapters.services.circuit import CircuitBreaker, State
from tests.services import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def changes() -> list[State]:
    return []


@pytest.fixture
def circuit(clock: Clock, changes: list[State]) -> CircuitBreaker:
    return CircuitBreaker(failures_max=3, pause_s=2, clock=clock, on_change=changes.append)


def admitted(circuit: CircuitBreaker) -> int:
    permit = circuit.admit()
    assert permit is not None
    return permit


def state(circuit: CircuitBreaker) -> State:
    """So that type checkers do not take it for a thing that stays."""
    return circuit.state


def fail(circuit: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        circuit.failed(admitted(circuit))


def test_it_opens_after_so_many_failures_in_a_row(circuit: CircuitBreaker) -> None:
    fail(circuit, 2)
    assert state(circuit) is State.CLOSED

    fail(circuit, 1)

    assert state(circuit) is State.OPEN
    assert circuit.is_shut_off()
    assert circuit.admit() is None


def test_a_success_between_them_starts_the_count_afresh(circuit: CircuitBreaker) -> None:
    fail(circuit, 2)
    circuit.succeeded(admitted(circuit))
    fail(circuit, 2)

    assert state(circuit) is State.CLOSED


def test_after_the_pause_one_goes_out_and_no_other(circuit: CircuitBreaker, clock: Clock) -> None:
    fail(circuit, 3)
    clock.now = 1.9
    assert circuit.admit() is None
    clock.now = 2

    admitted(circuit)

    assert state(circuit) is State.PROBING
    assert circuit.is_shut_off()
    assert circuit.admit() is None


def test_it_closes_when_the_probe_was_answered(
    circuit: CircuitBreaker, clock: Clock, changes: list[State]
) -> None:
    fail(circuit, 3)
    clock.now = 2

    circuit.succeeded(admitted(circuit))

    assert changes == [State.OPEN, State.PROBING, State.CLOSED]
    fail(circuit, 2)
    assert state(circuit) is State.CLOSED, "it counts from nothing again"


def test_a_probe_that_fails_opens_it_for_another_pause(
    circuit: CircuitBreaker, clock: Clock
) -> None:
    fail(circuit, 3)
    clock.now = 2
    circuit.failed(admitted(circuit))

    clock.now = 3.9
    assert circuit.admit() is None
    clock.now = 4
    assert circuit.admit() is not None


def test_a_probe_that_nobody_waited_for_lets_the_next_one_out(
    circuit: CircuitBreaker, clock: Clock
) -> None:
    fail(circuit, 3)
    clock.now = 2
    circuit.abandoned(admitted(circuit))

    assert state(circuit) is State.OPEN
    assert circuit.admit() is not None


def test_what_began_before_it_opened_neither_closes_nor_prolongs_it(
    circuit: CircuitBreaker, clock: Clock
) -> None:
    early = [admitted(circuit) for _ in range(3)]
    fail(circuit, 3)
    clock.now = 1

    circuit.succeeded(early[0])
    circuit.failed(early[1])
    circuit.abandoned(early[2])

    assert state(circuit) is State.OPEN
    clock.now = 2
    assert circuit.admit() is not None


def test_a_late_answer_does_not_decide_for_the_probe(circuit: CircuitBreaker, clock: Clock) -> None:
    early = admitted(circuit)
    fail(circuit, 3)
    clock.now = 2
    admitted(circuit)

    circuit.succeeded(early)

    assert state(circuit) is State.PROBING
