"""Look for reference cycles between batches, not in the middle of them.

A batch is some hundred thousand small objects without cycles, all alive until it is committed:
a search that starts by their number walks through all of them and finds nothing. It took a fifth
of the award worker's time. Cycles do come, from exceptions and libraries, so between two turns,
when hardly anything is alive, the search is quick and is made twice a minute.
"""

import gc
import time
from typing import Final

EVERY_S: Final = 30.0


class Collector:
    """Takes the search over from Python; `between_turns` must then be called again and again."""

    def __init__(self) -> None:
        gc.collect()
        gc.freeze()  # what is there at the start stays, and need not be looked at again
        gc.disable()
        self._next_s = time.monotonic() + EVERY_S

    def between_turns(self) -> None:
        if time.monotonic() >= self._next_s:
            gc.collect()
            self._next_s = time.monotonic() + EVERY_S
