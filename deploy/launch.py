"""The application's processes against given servers: for people, measurements and fault tests."""

import itertools
import os
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy import compiled
from deploy.devstack.errors import NotReady
from deploy.devstack.ports import Ports
from deploy.devstack.process import Command, Process
from deploy.devstack.server import Addresses

ROOT: Final = Path(__file__).parents[1]
KINDS: Final = ("award", "relay", "project")
PREPARATIONS: Final = (("cli.migrate",), ("cli.topics", "create"), ("cli.schemas", "register"))

PREPARED_WITHIN_S: Final = 90
READY_WITHIN_S: Final = 60
ASK_WITHIN_S: Final = 5


class Worker(Process):
    """One process of the application. `url` has its /health, /ready and /metrics."""

    def __init__(self, name: str, command: Command, url: str, *, outlives_us: bool) -> None:
        self.url = url
        super().__init__(
            name,
            command,
            lambda: _says_ready(url),
            ready_within_s=READY_WITHIN_S,
            outlives_us=outlives_us,
        )

    def log_text(self) -> str:
        """All that it wrote so far, over all its starts."""
        return self.command.log.read_text(errors="replace") if self.command.log.exists() else ""


class Application:
    """Processes that share servers and settings. Leaving the `with` block ends them in order.

    `settings` are environment variables for every process; `logs` gets one file for each.
    """

    def __init__(
        self,
        addresses: Addresses,
        logs: Path,
        settings: Mapping[str, str] | None = None,
        *,
        outlives_us: bool = False,
    ) -> None:
        self._environment = {**addresses.as_environment(), **(settings or {})}
        self._logs = logs
        self._outlives_us = outlives_us
        self._ports = Ports()
        self._numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
        self.workers: list[Worker] = []
        logs.mkdir(parents=True, exist_ok=True)

    def prepare(self) -> None:
        """Tables, topics and schemas; all may exist already. Raises NotReady."""
        with ThreadPoolExecutor(len(PREPARATIONS)) as threads:
            for _ in threads.map(self._run, PREPARATIONS):
                pass

    def worker(self, kind: str, settings: Mapping[str, str] | None = None) -> Worker:
        """One more process of this kind, not started yet; `settings` are for it alone."""
        number = next(self._numbers[kind])
        name = kind if number == 1 else f"{kind}-{number}"
        port = self._ports.take()
        command = Command(
            argv=(sys.executable, "-m", f"consumers.{kind}"),
            cwd=ROOT,
            log=self._logs / f"{name}.log",
            env={
                **compiled.environment(),
                **self._environment,
                "GAMIFICATION_HTTP_PORT": str(port),
                "PYTHONUNBUFFERED": "1",
                **(settings or {}),
            },
        )
        made = Worker(name, command, f"http://127.0.0.1:{port}", outlives_us=self._outlives_us)
        self.workers.append(made)
        return made

    def start(self, *kinds: str) -> tuple[Worker, ...]:
        """One process of each kind (of all when none is named), ready. Raises NotReady."""
        made = tuple(self.worker(kind) for kind in kinds or KINDS)
        for worker in made:
            worker.launch()
        for worker in made:
            worker.wait_ready()
        return made

    def close(self) -> None:
        """Ask all to end before waiting for any."""
        for worker in self.workers:
            worker.ask_to_stop()
        for worker in self.workers:
            worker.stop()
        self._ports.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, arguments: tuple[str, ...]) -> None:
        done = subprocess.run(
            (sys.executable, "-m", *arguments),
            cwd=ROOT,
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=PREPARED_WITHIN_S,
        )
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip()
            raise NotReady(f"python -m {' '.join(arguments)} ended with {done.returncode}: {said}")


def _says_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=ASK_WITHIN_S) as answer:  # noqa: S310
            return bool(answer.status == 200)  # noqa: PLR2004
    except OSError:
        return False
