"""Turns the clock and fills the disk of single processes while they run: see shim.c.

No right is needed and nobody else notices, as they would with the machine's clock or a small disk.
"""

import os
import shutil
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from deploy.devstack.process import Process

SOURCE: Final = Path(__file__).with_suffix(".c")
BUILD_WITHIN_S: Final = 60
NS: Final = 1_000_000_000


class Shim:
    """The library, built into `folder`, which a server that runs as another user can read."""

    def __init__(self, folder: Path) -> None:
        """Raises AssertionError without a C compiler."""
        compiler = shutil.which(os.environ.get("CC") or "cc")
        assert compiler is not None, "a C compiler (cc) is needed: sudo apt-get install -y gcc"
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._library = folder / "shim.so"
        options = ("-shared", "-fPIC", "-O2", "-o", str(self._library), str(SOURCE), "-ldl")
        subprocess.run((compiler, *options), check=True, timeout=BUILD_WITHIN_S)

    @staticmethod
    def can_be_built() -> bool:
        return shutil.which(os.environ.get("CC") or "cc") is not None

    def clock(self, name: str) -> "Clock":
        """The clock of one process, not turned yet."""
        return Clock(self._library, self._folder / f"{name}.clock")

    def disk(self, server: Process) -> "Disk":
        """The disk of a server, with room on it. Its next start is what counts."""
        disk = Disk(self._library, self._folder / f"{server.name}.disk")
        environment = {**(server.command.env or {}), **disk.environment}
        server.command = replace(server.command, env=environment)
        return disk


class Clock:
    """What a process that has `environment` takes for the time of day."""

    def __init__(self, library: Path, state: Path) -> None:
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "SHIM_CLOCK": str(state),
        }
        self._state = state
        self.turn(0)

    def turn(self, ahead_s: float) -> None:
        """So far ahead of the real time, or behind, from now on."""
        with self._state.open("r+b" if self._state.exists() else "wb") as state:
            state.write(struct.pack("=q", round(ahead_s * NS)))


class Disk:
    """Where the files of a process that has `environment` lie."""

    def __init__(self, library: Path, state: Path) -> None:
        self.environment: Mapping[str, str] = {"LD_PRELOAD": str(library), "SHIM_DISK": str(state)}
        self._state = state
        self.make_room()

    def fill(self) -> None:
        """No file can grow any more; what is in place can be written over."""
        self._write(b"1")

    def make_room(self) -> None:
        self._write(b"0")

    def _write(self, state: bytes) -> None:
        with self._state.open("r+b" if self._state.exists() else "wb") as file:
            file.write(state.ljust(8, b"\0"))
