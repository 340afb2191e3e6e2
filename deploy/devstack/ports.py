"""Ports on 127.0.0.1 that stay ours while a server is down.

They lie below the range from which the kernel takes ports for outgoing connections. A port of that
range could be taken by any client while our server is restarted, and a client that keeps trying to
reach a stopped server there can end up connected to itself.
"""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO, Final

FIRST, LAST = 17_000, 31_999
TRIES: Final = 500


class Ports:
    """Hands out free ports; each is locked against other stacks until `release`."""

    def __init__(self) -> None:
        self._held: list[IO[bytes]] = []
        self._folder = Path(tempfile.gettempdir()) / f"gamification-ports-{os.getuid()}"

    def take(self) -> int:
        """A port nobody listens on. Raises OSError when none is found in many tries."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for _ in range(TRIES):
            port = random.randint(FIRST, LAST)  # noqa: S311  (no secret)
            if self._lock(port) and _is_free(port):
                return port
        raise OSError(f"no free port between {FIRST} and {LAST} on 127.0.0.1")

    def release(self) -> None:
        while self._held:
            self._held.pop().close()

    def _lock(self, port: int) -> bool:
        handle = (self._folder / str(port)).open("ab")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        self._held.append(handle)
        return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """True when something accepts connections on 127.0.0.1 at this port."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True
