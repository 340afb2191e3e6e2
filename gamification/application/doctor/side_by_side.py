"""Many checks at once, each for itself: none waits for another, and all end in time.

A thread that hangs in a library cannot be ended; it is left behind, and whoever asked must end the
process hard, see `Examined.left_behind`.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from gamification.application.doctor.finding import Finding, State, of_error
from gamification.domain.errors import GamificationError

Look: TypeAlias = Callable[[], Iterable[Finding]]

NO_ANSWER: Final = "nothing tells whether it hangs or is slow: look at the server itself"


class Check(NamedTuple):
    """`look` may raise GamificationError; what it yielded before counts. `advice` is for then."""

    name: str
    look: Look
    advice: str


class Examined(NamedTuple):
    """`left_behind`: checks that did not end."""

    findings: list[Finding]
    left_behind: int


class _Running:
    """One check in a thread of its own."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._lock = threading.Lock()
        self._found: list[Finding] = []
        self._thread = threading.Thread(target=self._run, name=check.name, daemon=True)
        self._thread.start()

    def ended(self, until_s: float) -> bool:
        self._thread.join(max(0.0, until_s - time.monotonic()))
        return not self._thread.is_alive()

    def found(self) -> list[Finding]:
        with self._lock:
            return list(self._found)

    def _run(self) -> None:
        for finding in guarded(self._check):
            with self._lock:
                self._found.append(finding)


def guarded(check: Check) -> Iterable[Finding]:
    """What the check finds; its failure is a finding as well. Never raises."""
    try:
        yield from check.look()
    except GamificationError as error:
        yield of_error(check.name, error, check.advice)
    except Exception as error:  # noqa: BLE001 - a bug in one check must not hide what others see
        seen = f"the check itself failed: {type(error).__name__}"
        yield Finding(check.name, State.WRONG, seen, "tell the developers; look by hand meanwhile")


def examine(checks: Sequence[Check], within_s: float) -> Examined:
    """All findings, in the order of the checks. Returns in `within_s` seconds, whatever hangs."""
    until_s = time.monotonic() + within_s
    running = [(check, _Running(check)) for check in checks]
    findings: list[Finding] = []
    left_behind = 0
    for check, one in running:
        ended = one.ended(until_s)
        findings += one.found()
        if not ended:
            left_behind += 1
            seen = f"no answer within {within_s:g} s"
            findings.append(Finding(check.name, State.AWAY, seen, check.advice or NO_ANSWER))
    return Examined(findings, left_behind)
