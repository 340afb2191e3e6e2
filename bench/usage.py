"""CPU and memory of processes as the kernel counts them, and what everybody else used meanwhile.

On a machine that others use, a wall figure says little: the CPU seconds beside it, and the cores
that were taken by others, say whether to believe it.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.devstack.identity import Identity, identify, tree

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM, _REAPED_USER, _REAPED_SYSTEM = 11, 12, 13, 14
"""Fields of /proc/PID/stat, counted from behind the command's closing bracket."""
_IDLE, _WAITING, _STOLEN = 3, 4, 7
"""Fields of the first line of /proc/stat, counted from behind its name."""

KIB_PER_MIB: Final = 1024


def cpu_s(pid: int, *, reaped: bool = False) -> float:
    """CPU seconds of one process so far; with `reaped`, also of its children that have ended.

    Counted in steps of 10 ms. Raises OSError when the process is gone.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    wanted = (_USER, _SYSTEM, _REAPED_USER, _REAPED_SYSTEM) if reaped else (_USER, _SYSTEM)
    return sum(int(fields[each]) for each in wanted) / TICKS_PER_S


def tree_cpu_s(root: Identity) -> float:
    """CPU seconds of a process, of all that descend from it, and of those that have ended."""
    total = 0.0
    for each in tree(root):
        try:
            total += cpu_s(each.pid, reaped=True)
        except OSError:  # it ended just now: its parent counts it from here on
            continue
    return total


def thread_cpu_s(pid: int) -> dict[int, float]:
    """CPU seconds of each thread of a process so far, by its id; the main one's is the pid."""
    found: dict[int, float] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            fields = (task / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended just now
            continue
        found[int(task.name)] = (int(fields[_USER]) + int(fields[_SYSTEM])) / TICKS_PER_S
    return found


def resident_mib(pid: int) -> tuple[float, float]:
    """Memory of one process: now, and at its highest so far. Raises OSError when it is gone."""
    found = {"VmRSS": 0.0, "VmHWM": 0.0}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in found:
            found[name] = int(rest.split()[0]) / KIB_PER_MIB
    return found["VmRSS"], found["VmHWM"]


@dataclass(frozen=True, slots=True)
class Clock:
    """CPU seconds of the whole machine since its start."""

    busy_s: float
    stolen_s: float

    @classmethod
    def now(cls) -> "Clock":
        ticks = [int(each) for each in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
        # Guests' time is counted in the first fields already.
        busy = sum(ticks[:8]) - ticks[_IDLE] - ticks[_WAITING] - ticks[_STOLEN]
        return cls(busy / TICKS_PER_S, ticks[_STOLEN] / TICKS_PER_S)


class Meter:
    """Counts from when it is made. `roots` are processes that belong to the measurement.

    `whole` says that nothing of the measurement is missing among them (servers in containers
    are): only then can the rest of the machine's work be called that of others.
    """

    def __init__(self, roots: Mapping[str, Identity], *, whole: bool = True) -> None:
        self._roots = dict(roots)
        self._whole = whole
        self._before = {name: tree_cpu_s(root) for name, root in self._roots.items()}
        self._own_s = time.process_time()
        self._clock = Clock.now()
        self._begun = time.monotonic()

    def read(self) -> dict[str, Any]:
        """Figures since then. `others_cores`: cores that were not ours, None if unknown."""
        wall_s = time.monotonic() - self._begun
        clock = Clock.now()
        used = {
            name: round(tree_cpu_s(root) - self._before[name], 2)
            for name, root in self._roots.items()
        }
        used["benchmark"] = round(time.process_time() - self._own_s, 2)
        busy_s = clock.busy_s - self._clock.busy_s
        others = max(0.0, busy_s - sum(used.values())) / wall_s
        return {
            "wall_s": round(wall_s, 2),
            "cpu_s": used,
            "others_cores": round(others, 2) if self._whole else None,
            "stolen_cores": round((clock.stolen_s - self._clock.stolen_s) / wall_s, 2),
        }


def identity_of(pid: int) -> Identity:
    """Raises ProcessLookupError when there is no such process."""
    found = identify(pid)
    if found is None:
        raise ProcessLookupError(pid)
    return found


def cores_in_use(for_s: float = 1.0) -> float:
    """How many cores the machine used during the next `for_s` seconds."""
    begun, before = time.monotonic(), Clock.now()
    time.sleep(for_s)
    return (Clock.now().busy_s - before.busy_s) / (time.monotonic() - begun)
