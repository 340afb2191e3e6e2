"""Stops asking a service that does not answer: waiting for it would help neither of us."""

import time
from collections.abc import Callable
from enum import IntEnum
from typing import Final

FAILURES_MAX: Final = 5
PAUSE_S: Final = 2.0


class State(IntEnum):
    """As the metric shows it."""

    CLOSED = 0
    """Everything goes out."""
    PROBING = 1
    """One try is under way; it decides."""
    OPEN = 2
    """Nothing goes out until the pause is over."""


class CircuitBreaker:
    """Opens after `failures_max` failures in a row; after `pause_s` one try may go out.

    Whoever was admitted says how it ended, with what `admit` returned. What began before the
    state last changed is no news about it and is not counted. For one event loop or thread.
    """

    def __init__(
        self,
        failures_max: int = FAILURES_MAX,
        pause_s: float = PAUSE_S,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[State], None] = lambda _: None,
    ) -> None:
        self._failures_max = failures_max
        self._pause_s = pause_s
        self._clock = clock
        self._on_change = on_change
        self._state = State.CLOSED
        self._era = 0
        self._failures = 0
        self._probe_from = 0.0

    @property
    def state(self) -> State:
        return self._state

    def is_shut_off(self) -> bool:
        """Whether `admit` would refuse now."""
        if self._state is State.OPEN:
            return self._clock() < self._probe_from
        return self._state is State.PROBING

    def admit(self) -> int | None:
        """A permit for one try, to be given back; None when nothing may go out."""
        if self.is_shut_off():
            return None
        if self._state is State.OPEN:
            self._become(State.PROBING)
        return self._era

    def succeeded(self, permit: int) -> None:
        """The service answered, whatever it said."""
        if permit != self._era:
            return
        self._failures = 0
        if self._state is State.PROBING:
            self._become(State.CLOSED)

    def failed(self, permit: int) -> None:
        """It did not, or said that it is unwell."""
        if permit != self._era:
            return
        self._failures += 1
        if self._state is State.PROBING or self._failures >= self._failures_max:
            self._probe_from = self._clock() + self._pause_s
            self._become(State.OPEN)

    def abandoned(self, permit: int) -> None:
        """Nobody waited for the answer: the next one may probe at once."""
        if permit == self._era and self._state is State.PROBING:
            self._become(State.OPEN)

    def _become(self, state: State) -> None:
        self._state = state
        self._era += 1
        self._failures = 0
        self._on_change(state)
