"""Which process exactly: a pid may be given to another one, a pid with its start time not."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOOK_EVERY_S: Final = 0.01

_STATE, _PARENT, _STARTED = 0, 1, 19
"""Fields of /proc/PID/stat, counted from behind the command's closing bracket."""


@dataclass(frozen=True, slots=True)
class Identity:
    """`started` is in clock ticks since the machine's boot."""

    pid: int
    started: int

    def alive(self) -> bool:
        """False as well for a process that ended and was not yet reaped."""
        fields = _stat(self.pid)
        return (
            fields is not None and int(fields[_STARTED]) == self.started and fields[_STATE] != "Z"
        )

    def send(self, number: signal.Signals) -> None:
        """A signal to this process; nothing when it is gone."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


def identify(pid: int) -> Identity | None:
    """The process that has this pid now; None when there is none."""
    fields = _stat(pid)
    return None if fields is None else Identity(pid, int(fields[_STARTED]))


def tree(root: Identity) -> tuple[Identity, ...]:
    """This process and all that descend from it, parents first."""
    children: dict[int, list[Identity]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) is not None:
            child = Identity(int(entry.name), int(fields[_STARTED]))
            children.setdefault(int(fields[_PARENT]), []).append(child)
    found = [root]
    for each in found:
        found.extend(children.get(each.pid, ()))
    return tuple(found)


def send_to_tree(root: Identity, number: signal.Signals) -> tuple[Identity, ...]:
    """A signal to all of them, parents first so that a frozen or dead parent starts no more."""
    everyone = tree(root)
    for each in everyone:
        each.send(number)
    return everyone


def frozen(processes: Iterable[Identity], within_s: float) -> bool:
    """Wait until every thread of all of them has stopped; False when not after `within_s` seconds.

    A thread that is running while SIGSTOP is sent goes on for a moment.
    """
    return _all(processes, lambda each: not each.alive() or _threads_stopped(each.pid), within_s)


def gone(processes: Iterable[Identity], within_s: float) -> bool:
    """Wait until all have ended; False when some have not after `within_s` seconds."""
    return _all(processes, lambda each: not each.alive(), within_s)


def _all(
    processes: Iterable[Identity], condition: Callable[[Identity], bool], within_s: float
) -> bool:
    left = list(processes)
    deadline = time.monotonic() + within_s
    while left := [each for each in left if not condition(each)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def _threads_stopped(pid: int) -> bool:
    threads = (_stat(pid, f"task/{task.name}/") for task in _tasks(pid))
    return all(fields is None or fields[_STATE] in ("T", "t") for fields in threads)


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _stat(pid: int, part: str = "") -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/{part}stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
