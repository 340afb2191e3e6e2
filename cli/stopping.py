"""Ctrl-C and SIGTERM as a question that a long command asks between two steps."""

import signal
from typing import Final

SIGNALS: Final = frozenset({signal.SIGINT, signal.SIGTERM})


class Stop:
    """Make it before any thread is started: they inherit that these signals wait."""

    def __init__(self) -> None:
        self.asked = False
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until somebody asks us to stop; whether somebody has."""
        if not self.asked:
            self.asked = signal.sigtimedwait(SIGNALS, seconds) is not None
        return self.asked
