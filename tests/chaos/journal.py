"""What was done when, a JSON object a line: a failing round is read, and run again, from it."""

import json
import threading
import time
from pathlib import Path


class Journal:
    """Of one round. May be written from any thread."""

    def __init__(self, path: Path, seed: int, number: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", buffering=1)
        self._about = {"seed": seed, "round": number}
        self._began = time.monotonic()
        self._lock = threading.Lock()

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._began

    def note(self, what: str, **details: object) -> None:
        """`what` is inject, mend, hit, fail and the like; `details` is whatever helps."""
        line = {"at_s": round(self.age_s, 2), **self._about, "what": what, **details}
        with self._lock:
            if not self._file.closed:
                self._file.write(json.dumps(line, default=str) + "\n")

    def close(self) -> None:
        with self._lock:
            self._file.close()
