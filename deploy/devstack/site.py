"""The folder that one local stack lives in, and what its servers have in common.

The folder is removed when its owner ends in order. After a SIGKILL it stays behind, so every new
stack first removes those whose owner is gone.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.devstack.artefacts import JavaPrograms
from deploy.devstack.flavour import Flavour
from deploy.devstack.identity import Identity, identify
from deploy.devstack.ports import Ports
from deploy.devstack.settings import Settings

PREFIX: Final = "gamification-devstack-"
OWNER: Final = "owner"


@dataclass(frozen=True, slots=True)
class Site:
    """`outlives_us`: the servers go on when this process ends."""

    folder: Path
    settings: Settings
    flavour: Flavour
    programs: JavaPrograms
    ports: Ports
    outlives_us: bool


def make_folder() -> Path:
    """Ours until this process ends, see `own`."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    own(folder, [os.getpid()])
    folder.chmod(0o755)  # Postgres runs as another user when we are root
    return folder


def own(folder: Path, pids: list[int]) -> None:
    """The folder is in use while one of these processes lives."""
    owners = [each for each in map(identify, pids) if each is not None]
    (folder / OWNER).write_text("".join(f"{each.pid} {each.started}\n" for each in owners))


def remove(folder: Path, *, keep: bool) -> None:
    """Remove it, or with `keep` only its mark, so that no later stack removes it."""
    if keep:
        (folder / OWNER).unlink(missing_ok=True)
        print(f"kept the servers' data and logs in {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned() -> None:
    """Folders of ours whose owners are all gone."""
    for mark in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{OWNER}"):
        with contextlib.suppress(OSError, ValueError):
            if mark.stat().st_uid == os.geteuid() and not _in_use(mark):
                shutil.rmtree(mark.parent, ignore_errors=True)


def _in_use(mark: Path) -> bool:
    lines = mark.read_text().splitlines()
    # An empty mark is being written at this moment.
    return not lines or any(Identity(*map(int, line.split())).alive() for line in lines)
