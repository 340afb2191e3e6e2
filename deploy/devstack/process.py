"""One child process under control: start, wait until ready, stop, kill -9, freeze, start again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.devstack.errors import NotReady
from deploy.devstack.identity import Identity, frozen, gone, identify, send_to_tree
from deploy.devstack.spawner import SPAWNER

READY_EVERY_S: Final = 0.03
STOP_WITHIN_S: Final = 15.0
LOG_TAIL_BYTES: Final = 3_000
EXEC_CHILD: Final = Path(__file__).with_name("exec_child.py")


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. `argv[0]` is a full path; `env` is added to ours; `log` is appended to."""

    argv: tuple[str, ...]
    cwd: Path
    log: Path
    env: Mapping[str, str] | None = None
    user: str = ""
    stop_signal: signal.Signals = signal.SIGTERM


class Process:
    """A server or worker that can be started again with the same command as often as needed.

    Unless `outlives_us`, the kernel kills it when this process ends, however that happens.
    """

    def __init__(
        self,
        name: str,
        command: Command,
        is_ready: Callable[[], bool],
        *,
        ready_within_s: float = 120.0,
        outlives_us: bool = False,
    ) -> None:
        self.name = name
        self.command = command
        self._is_ready = is_ready
        self._ready_within_s = ready_within_s
        self._outlives_us = outlives_us
        self._child: subprocess.Popen[bytes] | None = None
        self._identity: Identity | None = None
        self._asked_to_stop = False

    @property
    def identity(self) -> Identity:
        """The running process. Raises NotReady when it was never started."""
        if self._identity is None:
            raise NotReady(f"{self.name} is not started")
        return self._identity

    @property
    def pid(self) -> int:
        return self.identity.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative is the signal that ended it."""
        return None if self._child is None else self._child.poll()

    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def launch(self) -> None:
        """Begin it and return at once; nothing when it runs already."""
        if not self.is_running():
            self._child = SPAWNER.start(self._popen)
            self._identity = identify(self._child.pid)
            self._asked_to_stop = False

    def wait_ready(self) -> None:
        """Return when it answers. Raises NotReady when it ended or the time is over."""
        deadline = time.monotonic() + self._ready_within_s
        while True:
            if not self.is_running():
                raise NotReady(f"{self.name} ended with {self.exit_code}{self._last_words()}")
            if self._is_ready():
                return
            if time.monotonic() > deadline:
                waited = f"{self.name} did not answer within {self._ready_within_s:.0f} s"
                raise NotReady(waited + self._last_words())
            time.sleep(READY_EVERY_S)

    def start(self) -> None:
        """`launch` and `wait_ready`."""
        self.launch()
        self.wait_ready()

    def ask_to_stop(self) -> None:
        """Ask it to end and do not wait for it.

        Only once for each start: many programs take a second signal for impatience.
        """
        if self.is_running() and not self._asked_to_stop:
            self._asked_to_stop = True
            self.resume()  # a frozen process cannot hear us
            self.identity.send(self.command.stop_signal)

    def stop(self, within_s: float = STOP_WITHIN_S) -> bool:
        """Ask it to end and wait. False when it had to be killed after `within_s` seconds."""
        self.ask_to_stop()
        try:
            self._reap(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def kill(self) -> None:
        """SIGKILL to it and its children; returns when all are gone."""
        if not self.is_running():
            return
        everyone = send_to_tree(self.identity, signal.SIGKILL)
        self._reap(STOP_WITHIN_S)
        if not gone(everyone, STOP_WITHIN_S):
            raise NotReady(f"{self.name} survived SIGKILL")

    def pause(self) -> None:
        """Freeze it and its children with SIGSTOP: connections stay open, nothing answers.

        Returns when no thread runs any more. Raises NotReady when some still do.
        """
        if not frozen(send_to_tree(self.identity, signal.SIGSTOP), STOP_WITHIN_S):
            raise NotReady(f"{self.name} did not freeze")

    def resume(self) -> None:
        """Undo `pause`."""
        send_to_tree(self.identity, signal.SIGCONT)

    def restart(self) -> None:
        """Orderly stop and start, with the same port and data."""
        self.stop()
        self.start()

    def _popen(self) -> subprocess.Popen[bytes]:
        parent = "0" if self._outlives_us else str(os.getpid())
        begin = (sys.executable, "-I", "-S", str(EXEC_CHILD), parent, self.command.user)
        with self.command.log.open("ab") as log:
            return subprocess.Popen(
                (*begin, *self.command.argv),
                cwd=self.command.cwd,
                env={**os.environ, **(self.command.env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; we stop the servers in order
            )

    def _reap(self, within_s: float) -> None:
        if self._child is not None:
            self._child.wait(within_s)

    def _last_words(self) -> str:
        try:
            text = self.command.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
        except OSError:
            return ""
        return f"; the end of {self.command.log}:\n{text}"
