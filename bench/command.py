"""One of our commands as an operator starts it: its time, and its memory at its highest."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

from bench.measurement import Failed
from bench.usage import resident_mib
from deploy.devstack.server import Addresses

ROOT: Final = Path(__file__).parents[1]
LOOK_EVERY_S: Final = 0.02
TAIL: Final = 1_000
STOPS_WITHIN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How it went. `peak_mib`: resident, as the kernel remembers it."""

    seconds: float
    cpu_s: float
    peak_mib: float
    code: int
    out: str
    err: str


def command(
    addresses: Addresses,
    *arguments: str,
    good: tuple[int, ...] = (0,),
    within_s: float = 600.0,
    stop_when: Callable[[], bool] | None = None,
) -> Ended:
    """`python -m` these, to its end, or interrupted (Ctrl-C) when `stop_when` says so.

    Raises Failed for another exit code than the good ones.
    """
    begun, used_s = time.monotonic(), _ended_cpu_s()
    with (
        TemporaryFile("w+") as out,  # a pipe would be full at some time, and hold it up
        TemporaryFile("w+") as err,
        subprocess.Popen(
            (sys.executable, "-m", *arguments),
            cwd=ROOT,
            env={**os.environ, **addresses.as_environment()},
            stdout=out,
            stderr=err,
        ) as process,
    ):
        peak_mib = 0.0
        asked = False
        while process.poll() is None:
            peak_mib = max(peak_mib, _peak_mib(process.pid))
            if stop_when is not None and not asked and stop_when():
                asked = True
                process.send_signal(signal.SIGINT)
            if time.monotonic() - begun > within_s:
                process.kill()
                raise Failed(f"{' '.join(arguments)}: not within {within_s:g} s")
            time.sleep(LOOK_EVERY_S)
        took_s = time.monotonic() - begun
        said, complaints = (_text(out), _text(err))
    if process.returncode not in good:
        raise Failed(f"{' '.join(arguments)} ended with {process.returncode}: {complaints[-TAIL:]}")
    return Ended(took_s, _ended_cpu_s() - used_s, peak_mib, process.returncode, said, complaints)


def _ended_cpu_s() -> float:
    """Of all children that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


@contextmanager
def beside(addresses: Addresses, *arguments: str) -> Iterator[None]:
    """`python -m` these for as long as the block takes, then interrupted (Ctrl-C).

    Raises Failed when it had ended before.
    """
    with (
        TemporaryFile("w+") as out,
        subprocess.Popen(
            (sys.executable, "-m", *arguments),
            cwd=ROOT,
            env={**os.environ, **addresses.as_environment()},
            stdout=out,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield
            ended = process.poll()
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOPS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
        if ended is not None:
            raise Failed(f"{' '.join(arguments)} ended with {ended}: {_text(out)[-TAIL:]}")


def _peak_mib(pid: int) -> float:
    try:
        return resident_mib(pid)[1]
    except OSError:  # it ended just now
        return 0.0
