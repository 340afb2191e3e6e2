"""What a process knows about itself: do its loops turn, are its dependencies usable."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

CACHED_FOR_S: Final = 1.0
PROBLEM_CHARACTERS_MAX: Final = 300

Check = Callable[[], None]
"""Returns when all is well, raises when not. Called from a thread of its own, one at a time."""


@dataclass(slots=True)
class _Probe:
    """One readiness check and its last result. At most one thread runs it at any time."""

    check: Check
    running: threading.Thread | None = None
    problem: str | None = None

    def start(self) -> None:
        if self.running is None or not self.running.is_alive():
            self.running = threading.Thread(target=self._run, daemon=True)
            self.running.start()

    def result(self, timeout_s: float) -> str | None:
        """What is wrong, None when all is well."""
        if self.running is not None:
            self.running.join(timeout=timeout_s)
            if self.running.is_alive():
                return "no answer in time"
        return self.problem

    def _run(self) -> None:
        try:
            self.check()
        except Exception as error:  # noqa: BLE001 - whatever it is, this is its report
            self.problem = f"{type(error).__name__}: {error}"[:PROBLEM_CHARACTERS_MAX]
        else:
            self.problem = None


@dataclass(slots=True)
class Vitals:
    """Heartbeats come from the process's loops, checks are run when somebody asks."""

    heartbeat_limit_s: float
    checks_within_s: float = 2.0
    """For all readiness checks together."""
    clock: Callable[[], float] = time.monotonic
    _beats: dict[str, float] = field(default_factory=dict)
    _probes: dict[str, _Probe] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _cached: dict[str, str | None] = field(default_factory=dict)
    _cached_at: float = float("-inf")
    _made_at: float = 0.0
    _stopping: bool = False

    def __post_init__(self) -> None:
        self._made_at = self.clock()

    def beat(self, loop: str) -> None:
        """The loop turned. Its first call says that this loop exists."""
        self._beats[loop] = self.clock()

    def add_check(self, name: str, check: Check) -> None:
        self._probes[name] = _Probe(check)

    def stopping(self) -> None:
        """From now on not ready, whatever the checks say."""
        self._stopping = True

    def liveness(self) -> dict[str, str | None]:
        """Each loop and what is wrong with it, None if nothing. Never waits.

        Until a loop spoke, the start itself has to be over within the limit.
        """
        now, limit_s = self.clock(), self.heartbeat_limit_s
        beats = dict(self._beats) or {"start": self._made_at}
        return {
            loop: f"did not turn for {now - beat:.0f} s, limit {limit_s:g} s"
            if now - beat > limit_s
            else None
            for loop, beat in beats.items()
        }

    def readiness(self) -> dict[str, str | None]:
        """Each check and what is wrong with it, None if nothing.

        Waits up to `checks_within_s` seconds. An answer holds for CACHED_FOR_S seconds, so that
        many callers cost the dependencies no more than one.
        """
        with self._lock:
            if self.clock() - self._cached_at >= CACHED_FOR_S:
                deadline = time.monotonic() + self.checks_within_s
                probes = dict(self._probes)  # a process that starts may add one meanwhile
                for probe in probes.values():
                    probe.start()
                self._cached = {
                    name: probe.result(max(0.0, deadline - time.monotonic()))
                    for name, probe in probes.items()
                }
                self._cached_at = self.clock()
            answer = dict(self._cached)
        if self._stopping:
            answer["process"] = "stopping"
        return answer
