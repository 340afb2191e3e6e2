"""Environments of the peers, below build/: made once, again when what they are made of changes."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bench.measurement import Failed
from bench.report import ROOT
from deploy.devstack.artefacts import INSTALL_MAVEN
from deploy.devstack.errors import Missing

HOME: Final = ROOT / "build" / "peers"
HERE: Final = Path(__file__).parent
STAMP: Final = "made-from"
WITHIN_S: Final = 900
INSTALL_JDK: Final = "sudo apt-get install -y openjdk-17-jdk-headless"


def python(name: str) -> str:
    """An interpreter that has the packages of `name`/requirements.txt. Raises Failed."""
    wanted = HERE / name / "requirements.txt"
    home = HOME / name
    interpreter = home / "bin" / "python"
    if not _is_current(home, [wanted]):
        _begin(home)
        _run((sys.executable, "-m", "venv", str(home)))
        quiet = ("--quiet", "--disable-pip-version-check")
        _run(
            (
                str(interpreter),
                *("-m", "pip", "install", *quiet),
                *("--require-hashes", "-r", str(wanted)),
            )
        )
        _end(home, [wanted])
    return str(interpreter)


def java_classes(name: str) -> str:
    """The class path of the Maven project `name`. Raises Failed or Missing."""
    project = HERE / name
    sources = [project / "pom.xml", *sorted(project.rglob("*.java"))]
    home = HOME / name
    if not _is_current(home, sources):
        maven = shutil.which("mvn")
        if maven is None:
            raise Missing(f"Maven, which fetches Kafka Streams, is missing: {INSTALL_MAVEN}")
        if shutil.which("javac") is None:
            raise Missing(f"A Java compiler is missing: {INSTALL_JDK}")
        _begin(home)
        pom = str(project / "pom.xml")
        _run((maven, "-q", "-B", "-f", pom, "compile", f"-Dout={home}"))
        _end(home, sources)
    return f"{home / 'classes'}:{home / 'libraries'}/*"


def _is_current(home: Path, sources: Iterable[Path]) -> bool:
    stamp = home / STAMP
    return stamp.exists() and stamp.read_text() == _digest(sources)


def _begin(home: Path) -> None:
    print(f"preparing {home.relative_to(ROOT)} ...", flush=True)
    shutil.rmtree(home, ignore_errors=True)


def _end(home: Path, sources: Iterable[Path]) -> None:
    """Written last, so that an interrupted preparation is repeated."""
    (home / STAMP).write_text(_digest(sources))


def _digest(sources: Iterable[Path]) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{command[0]} did not end within {WITHIN_S} s") from error
    if done.returncode:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}")
