"""The relay's lanes at work, each in a thread of its own."""

import time
from collections.abc import Mapping
from dataclasses import replace
from threading import Thread
from typing import Final, Protocol

from consumers.process import Process
from consumers.retry import retry_while_unavailable
from gamification.domain.errors import Unavailable

LOOK_EVERY_S: Final = 0.2
END_WITHIN_S: Final = 6.0
"""Longer than a transaction may take, short enough to stop in time."""


class Turning(Protocol):
    """What is needed of a relay."""

    def turn(self) -> None: ...

    def recover(self, error: Unavailable | None = None) -> None: ...


class LaneThread:
    """One relay turning. A daemon: a call that does not return keeps no process from ending."""

    def __init__(self, process: Process, name: str, relay: Turning) -> None:
        self.error: BaseException | None = None
        self._name = name
        self._relay = relay
        # Only the main thread looks for garbage.
        self._process = replace(process, collector=None)
        self._thread = Thread(target=self._run, name=f"relay-{name}", daemon=True)
        self._thread.start()

    def is_over(self, within_s: float) -> bool:
        """Whether it has ended by then."""
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            retry_while_unavailable(
                self._process, self._relay.turn, recover=self._relay.recover, loop=self._name
            )
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            self.error = error
        finally:
            self._relay.recover()


def run_lanes(process: Process, relays: Mapping[str, Turning]) -> None:
    """Return when all have stopped; raise what the first one that failed raised.

    Call it from the main thread. A lane that stops itself ends the others.
    """
    lanes = [LaneThread(process, name, relay) for name, relay in relays.items()]
    try:
        while lanes:
            for lane in list(lanes):
                if lane.is_over(LOOK_EVERY_S):
                    lanes.remove(lane)
                    if lane.error is not None:
                        raise lane.error
            process.between_turns()
    finally:
        process.stop.set()
        until = time.monotonic() + END_WITHIN_S
        for lane in lanes:
            lane.is_over(max(0.0, until - time.monotonic()))
