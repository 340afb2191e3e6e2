"""Ctrl-C and SIGTERM as a question that a long command asks between two steps."""

import signal
import time
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
LOOK_EVERY_S: Final = 0.1


class Stop:
    """The first signal asks; a second one ends the process at once, whatever it waits for."""

    def __init__(self) -> None:
        """Call it in the main thread."""
        self.asked = False
        for number in SIGNALS:
            signal.signal(number, self._ask)

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until somebody asks us to stop; whether somebody has."""
        until_s = time.monotonic() + seconds
        while not self.asked and (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, LOOK_EVERY_S))  # goes on after a signal, so in small pieces
        return self.asked

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
