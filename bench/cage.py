"""A control group of Linux for one process: so much CPU and memory, as a container would have it.

Versions 1 and 2. It takes rights that hardly anybody but root has; without them nothing can be
measured, and that is said.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bench.measurement import Failed

ROOT: Final = Path("/sys/fs/cgroup")
OWN: Final = Path("/proc/self/cgroup")
PERIOD_US: Final = 100_000
"""Whoever used up their share waits for the rest of it; what Docker and Kubernetes take."""
GONE_WITHIN_S: Final = 10.0
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Throttled:
    """How often and how long the kernel held a process back. `periods` are those it worked in."""

    periods: int
    held_back: int
    waited_s: float


class Cage:
    """For one process and its children, from `put` on. Leaving the `with` block removes it, empty.

    Raises Failed when there are no control groups or no rights.
    """

    def __init__(self, name: str, cpus: float, memory_mib: int, root: Path = ROOT) -> None:
        self._unified = (root / "cgroup.controllers").exists()
        quota_us = round(cpus * PERIOD_US)
        try:
            self._cpu, self._memory = self._make(name, root)
            if self._unified:
                (self._cpu / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
                (self._memory / "memory.max").write_text(str(memory_mib * MIB))
            else:
                (self._cpu / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (self._cpu / "cpu.cfs_quota_us").write_text(str(quota_us))
                (self._memory / "memory.limit_in_bytes").write_text(str(memory_mib * MIB))
        except OSError as error:
            raise Failed(f"no control group can be made here (as root?): {error}") from error

    def put(self, pid: int) -> None:
        """From now on this process, all its threads, and what it starts."""
        for folder in {self._cpu, self._memory}:
            (folder / "cgroup.procs").write_text(str(pid))

    def throttled(self) -> Throttled:
        """Since it was made."""
        stat = _numbers(self._cpu / "cpu.stat")
        waited_s = stat["throttled_usec"] / 1e6 if self._unified else stat["throttled_time"] / 1e9
        return Throttled(stat["nr_periods"], stat["nr_throttled"], waited_s)

    def killed(self) -> int:
        """How many processes in it the kernel has ended because it was full."""
        name = "memory.events" if self._unified else "memory.oom_control"
        return _numbers(self._memory / name)["oom_kill"]

    def close(self) -> None:
        """Raises Failed when somebody is still in it."""
        deadline = time.monotonic() + GONE_WITHIN_S
        for folder in {self._cpu, self._memory}:
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError as error:
                    if time.monotonic() > deadline:
                        raise Failed(f"{folder} cannot be removed: {error}") from error
                    time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _make(self, name: str, root: Path) -> tuple[Path, Path]:
        """The folders for CPU and memory; with version 2 it is one."""
        if self._unified:
            made = root / name
            made.mkdir()
            return made, made
        folders = {each: _own(each, root) / name for each in ("cpu", "memory")}
        for folder in folders.values():
            folder.mkdir()
        return folders["cpu"], folders["memory"]


def _own(controller: str, root: Path) -> Path:
    """Our own group of a controller of version 1: what is below it is still bound by its limits."""
    for line in OWN.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return root / controllers / path.lstrip("/")
    raise FileNotFoundError(f"no controller {controller}")


def _numbers(path: Path) -> dict[str, int]:
    return {name: int(value) for name, value in map(str.split, path.read_text().splitlines())}
