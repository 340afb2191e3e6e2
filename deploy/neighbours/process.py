"""The neighbours as a process of their own, under control: for the demo and for `make up`."""

import sys
from pathlib import Path
from typing import Final

from deploy.devstack.ports import Ports, answers
from deploy.devstack.process import Command, Process

ROOT: Final = Path(__file__).parents[2]
READY_WITHIN_S: Final = 30.0


class NeighboursProcess(Process):
    """Takes tokens of `tokens.mint`, knows every customer. `environment` is for the service."""

    def __init__(self, log: Path, *, outlives_us: bool = False) -> None:
        self._ports = Ports()
        auth, users = self._ports.take(), self._ports.take()
        self.environment = {
            "AUTH_HOST": f"127.0.0.1:{auth}",
            "USERS_HOST": f"127.0.0.1:{users}",
        }
        run = ("run", "--auth-port", str(auth), "--users-port", str(users))
        super().__init__(
            "neighbours",
            Command(argv=(sys.executable, "-m", "deploy.neighbours", *run), cwd=ROOT, log=log),
            lambda: answers(auth) and answers(users),
            ready_within_s=READY_WITHIN_S,
            outlives_us=outlives_us,
        )

    def close(self) -> None:
        self.stop()
        self._ports.release()
