"""The relay's lanes, each in a thread that is left behind when Kafka's client is stuck in it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Thread
from typing import Final, Protocol

from consumers.process import Process
from consumers.retry import retry_while_unavailable
from gamification.domain.errors import Halt, Unavailable
from gamification.telemetry import logs

LOOK_EVERY_S: Final = 0.2
STUCK_AFTER_S: Final = 6.0
"""Longer than a transaction may take, short enough to stop in time all the same."""
LEFT_BEHIND_MAX: Final = 8
"""Each is a thread and a client with its connections; after so many the process begins anew."""

log = logs.get("relay")


class Turning(Protocol):
    """What is needed of a relay."""

    @property
    def stuck_s(self) -> float: ...

    def turn(self) -> None: ...

    def recover(self, error: Unavailable | None = None) -> None: ...

    def leave_behind(self) -> None: ...


class LaneThread:
    """One relay turning. A daemon: what is stuck must not keep the process from ending."""

    def __init__(self, process: Process, name: str, relay: Turning) -> None:
        self.relay = relay
        self.error: BaseException | None = None
        self._name = name
        # Only the main thread looks for garbage.
        self._process = replace(process, collector=None)
        self._thread = Thread(target=self._run, name=f"relay-{name}", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, timeout_s: float) -> None:
        """Until it is over, or not longer than this."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            retry_while_unavailable(
                self._process, self.relay.turn, recover=self.relay.recover, loop=self._name
            )
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            self.error = error
        finally:
            self.relay.recover()


class Watch:
    """Every lane at work; `until_over` from the main thread."""

    def __init__(self, process: Process, makers: Mapping[str, Callable[[], Turning]]) -> None:
        self._process = process
        self._makers = makers
        self._lanes = {name: LaneThread(process, name, make()) for name, make in makers.items()}
        self._left_behind = 0

    def until_over(self) -> None:
        """Return when all lanes have stopped; raise what the first one that failed raised.

        A lane whose thread is stuck gets a new relay in a new thread. Raises Halt when that has
        happened too often.
        """
        try:
            while self._lanes:
                for name, lane in list(self._lanes.items()):
                    lane.wait(LOOK_EVERY_S)
                    self._look_at(name, lane)
                self._process.between_turns()
        finally:
            self._process.stop.set()  # one lane that stopped itself ends the others
            until = time.monotonic() + STUCK_AFTER_S
            for lane in self._lanes.values():
                lane.wait(max(0.0, until - time.monotonic()))

    def _look_at(self, name: str, lane: LaneThread) -> None:
        if lane.is_over:
            del self._lanes[name]
            if lane.error is not None:
                raise lane.error
        elif lane.relay.stuck_s > STUCK_AFTER_S:
            self._left_behind += 1
            log.error("relay_left_behind", lane=name, times=self._left_behind)
            lane.relay.leave_behind()
            del self._lanes[name]
            if self._left_behind > LEFT_BEHIND_MAX:
                raise Halt("kafka: calls of librdkafka never come back: restart")
            if not self._process.stop.is_set():
                self._lanes[name] = LaneThread(self._process, name, self._makers[name]())
