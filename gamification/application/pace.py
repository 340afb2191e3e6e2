"""An even rate for work that comes in small groups."""

import time
from collections.abc import Callable
from typing import Final

ROUNDS_PER_S: Final = 10
"""Groups are as many a second, so that live traffic finds gaps between them."""
CATCH_UP_S: Final = 1.0
"""What was late, because somebody else was, is made up for by at most so much at once."""


class Pace:
    """`pause` waits so many seconds and says whether to stop. For one thread."""

    def __init__(
        self,
        per_s: float,
        pause: Callable[[float], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_s = per_s
        self._pause = pause
        self._clock = clock
        self._due_s = clock()

    @property
    def together(self) -> int:
        """How many make a group."""
        return max(1, round(self._per_s / ROUNDS_PER_S))

    def begin(self) -> None:
        """Nothing is due from before."""
        self._due_s = self._clock()

    def took(self, number: int) -> bool:
        """Wait until the next group is due; whether to stop."""
        now_s = self._clock()
        self._due_s = max(self._due_s, now_s - CATCH_UP_S) + number / self._per_s
        return self._pause(max(0.0, self._due_s - now_s))
