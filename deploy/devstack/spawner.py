"""Starts children from one thread that never ends.

Linux sends the parent-death signal when the *thread* that forked ends, not when the process does.
A server started from a short-lived thread would be killed with it, so all of them are started here.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from subprocess import Popen
from typing import Final, TypeAlias

Start: TypeAlias = Callable[[], Popen[bytes]]

START_WITHIN_S: Final = 30


class Spawner:
    """The thread, begun with the first child. A daemon: it keeps no interpreter alive."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Start, Future[Popen[bytes]]]] = queue.SimpleQueue()
        self._begin = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, start: Start) -> Popen[bytes]:
        """Run `start` on the lasting thread and return the child it made."""
        with self._begin:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="spawner", daemon=True)
                self._thread.start()
        answer: Future[Popen[bytes]] = Future()
        self._jobs.put((start, answer))
        return answer.result(START_WITHIN_S)

    def _run(self) -> None:
        while True:
            start, answer = self._jobs.get()
            try:
                answer.set_result(start())
            except BaseException as error:  # noqa: BLE001  (handed to whoever asked)
                answer.set_exception(error)


SPAWNER: Final = Spawner()
