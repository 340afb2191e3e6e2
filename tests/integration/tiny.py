"""Starts processes of tiny_process.py, reads what they log, asks them over HTTP."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.waiting import eventually

ROOT: Final = Path(__file__).parents[2]
START_WITHIN_S: Final = 30
"""Imports take a second; the machine may be busy with other tests."""


@dataclass
class Tiny:
    """A process of tiny_process.py and what it wrote."""

    popen: subprocess.Popen[bytes]
    out: Path
    err: Path

    def lines(self) -> list[dict[str, Any]]:
        whole = self.out.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def line(self, event: str) -> dict[str, Any]:
        """The log line with this event, as soon as it is there."""

        def there() -> dict[str, Any]:
            found = [line for line in self.lines() if line["event"] == event]
            assert found, f"{event} is not among {self.lines()}, {self.err.read_text()}"
            return found[0]

        return eventually(there, within_s=START_WITHIN_S)

    def get(self, path: str, **headers: str) -> httpx.Response:
        port = self.line("started")["http_port"]
        return httpx.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=10)

    def ended(self, within_s: float = START_WITHIN_S) -> int:
        return self.popen.wait(timeout=within_s)


Start = Callable[..., Tiny]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Tiny] = []

    def begin(how: str, name: str = "award", **environ: str) -> Tiny:
        out, err = tmp_path / f"{len(started)}.out", tmp_path / f"{len(started)}.err"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("GAMIFICATION_")}
        ours = {"GAMIFICATION_HTTP_PORT": "0", "PYTHONPATH": str(ROOT)}
        with out.open("wb") as stdout, err.open("wb") as stderr:
            popen = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tests.integration.tiny_process", name, how],
                env=inherited | ours | environ,
                cwd=ROOT,
                stdout=stdout,
                stderr=stderr,
            )
        started.append(Tiny(popen, out, err))
        return started[-1]

    yield begin
    for tiny in started:
        tiny.popen.kill()
        tiny.popen.wait()
