"""Turn, and while a dependency is away try again with growing pauses: every consumer's loop."""

import random
import time
from collections.abc import Callable
from typing import Final

from consumers.process import Process
from gamification.domain.errors import Unavailable
from gamification.telemetry import logs, metrics

FIRST_PAUSE_MS: Final = 20
LOG_EVERY_S: Final = 10.0
BEAT_EVERY_S: Final = 1.0

log = logs.get("retry")


class Backoff:
    """Pauses that double up to a limit, with full jitter: anything from 0 to the pause."""

    def __init__(
        self, first_ms: int, max_ms: int, jitter: Callable[[], float] = random.random
    ) -> None:
        self._first_ms = first_ms
        self._max_ms = max_ms
        self._jitter = jitter
        self._pause_ms = first_ms

    def next_s(self) -> float:
        """Seconds to pause now; the next pause may be twice as long."""
        pause_ms = min(self._pause_ms, self._max_ms)
        self._pause_ms = min(2 * pause_ms, self._max_ms)
        return self._jitter() * pause_ms / 1000

    def reset(self) -> None:
        """It worked: the next pause is a first one."""
        self._pause_ms = self._first_ms


class _Outage:
    """Tells about an outage when it begins, now and then while it lasts, and when it is over."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tries = 0
        self._began = 0.0
        self._told = 0.0

    def failed(self, error: Unavailable) -> None:
        now = self._clock()
        if not self._tries:
            self._began = now
        self._tries += 1
        if self._tries == 1 or now - self._told >= LOG_EVERY_S:
            self._told = now
            log.warning(
                "unavailable",
                reason=str(error),
                error=type(error).__name__,
                tries=self._tries,
                for_s=round(now - self._began, 1),
            )

    def over(self) -> None:
        if self._tries:
            log.info(
                "available_again", tries=self._tries, after_s=round(self._clock() - self._began, 1)
            )
            self._tries = 0


def retry_while_unavailable(
    process: Process,
    work: Callable[[], None],
    *,
    recover: Callable[[Unavailable], None] | None = None,
    backoff: Backoff | None = None,
    loop: str = "worker",
) -> None:
    """Call `work` again and again until the process is asked to stop.

    Unavailable (PartitionLost too) is logged, counted and followed by a pause; then `recover`,
    if given, is called with it before `work`, and may itself raise Unavailable. Everything else
    gets out. `work` should take less than a second or so when there is nothing to do.
    """
    pauses = backoff or Backoff(FIRST_PAUSE_MS, process.settings.retry_backoff_max_ms)
    outage = _Outage(time.monotonic)
    to_recover: Unavailable | None = None
    while not process.stop.is_set():
        process.heartbeat(loop)
        process.between_turns()
        try:
            if to_recover is not None and recover is not None:
                recover(to_recover)
            to_recover = None
            work()
        except Unavailable as error:
            metrics.ERRORS.labels(type(error).__name__).inc()
            outage.failed(error)
            to_recover = error
            _pause(process, loop, pauses.next_s())
        else:
            outage.over()
            pauses.reset()


def _pause(process: Process, loop: str, pause_s: float) -> None:
    """Wait, but not beyond a stop, and go on saying that the loop turns."""
    until = time.monotonic() + pause_s
    while (left := until - time.monotonic()) > 0 and not process.stop.wait(min(left, BEAT_EVERY_S)):
        process.heartbeat(loop)
