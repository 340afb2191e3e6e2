"""Calls into librdkafka that may never come back, with a bound of our own.

`send_offsets_to_transaction` does not look at its time-out: when the coordinator of the group goes
away at the wrong moment it waits for ever (librdkafka issues 5456 and 5511, open in 2.16; seen
when a broker was killed). Nothing can wake the thread that made the call, so it is left behind.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

from gamification.domain.errors import Halt, Unavailable

LEFT_BEHIND_MAX: Final = 8
"""Each is a thread and a client with its connections; after so many the process begins anew."""


class _Call:
    """One call and what became of it."""

    __slots__ = ("done", "error", "function")

    def __init__(self, function: Callable[[], None]) -> None:
        self.function = function
        self.done = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.function()
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
            self.error = error
        self.done.set()


class BoundedCaller:
    """Makes calls in a thread of its own, one after the other. For one user thread."""

    _left_behind = 0

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        # A daemon: a call that is stuck must not keep the process from ending.
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], None], within_s: float) -> None:
        """Return when `function` did; raise what it raised.

        Raises Unavailable when it takes longer: then this caller is of no more use, and nobody
        knows what `function` still does. Raises Halt when that has happened too often.
        """
        asked = _Call(function)
        self._calls.put(asked)
        if not asked.done.wait(within_s):
            BoundedCaller._left_behind += 1
            if BoundedCaller._left_behind > LEFT_BEHIND_MAX:
                raise Halt(f"kafka: {LEFT_BEHIND_MAX} calls of librdkafka never came back: restart")
            raise Unavailable(f"kafka: no answer within {within_s:.0f} s, the client is stuck")
        if asked.error is not None:
            raise asked.error

    def close(self) -> None:
        """Let the thread end, when it can."""
        self._calls.put(None)

    def _serve(self) -> None:
        while (asked := self._calls.get()) is not None:
            asked.run()
