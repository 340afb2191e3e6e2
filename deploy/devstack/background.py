"""Servers that stay when the command that started them ends, and how they are ended later."""

import shutil
from pathlib import Path
from typing import Final

from deploy.devstack import docker, external, local, record
from deploy.devstack.errors import DevstackError
from deploy.devstack.flavour import BENCH, Flavour
from deploy.devstack.server import Addresses
from deploy.devstack.settings import Backend, Settings
from deploy.devstack.start import backend

HOME: Final = Path(__file__).parents[2] / ".data"
"""Where the note about them is, unless the caller says otherwise. Git ignores it."""

NOTE: Final = "servers.json"


def up(chosen: Settings, flavour: Flavour = BENCH, home: Path = HOME) -> Addresses:
    """Start servers and return. Raises DevstackError, also when some run already."""
    if running(home) is not None:
        raise DevstackError("servers run already; make down stops them")
    down(home)  # what is left of earlier ones, after a reboot for instance
    note = home / NOTE
    entries: tuple[record.Entry, ...] = ()
    facts: dict[str, str] = {}
    if chosen.backend is Backend.EXTERNAL:
        stack = external.attach()
    elif backend(chosen) is Backend.DOCKER:
        stack = docker.compose_up(flavour)
        facts = {"compose": docker.PROJECT}
    else:
        stack = local.start(chosen, flavour, outlives_us=True)
        entries = tuple(map(record.Entry.of, local.processes(stack)))
        facts = {} if chosen.keep else {"remove": str(stack.folder)}
    try:
        record.save(note, entries, facts | stack.addresses.as_environment())
    except BaseException:
        stack.close()
        raise
    return stack.addresses


def running(home: Path = HOME) -> Addresses | None:
    """Where the servers are that `up` started; None when they are not all there."""
    found = record.load(home / NOTE)
    if found is None or not all(entry.identity.alive() for entry in found[0]):
        return None
    return external.attach(found[1]).addresses


def down(home: Path = HOME, *, keep: bool = False) -> bool:
    """End what `up` started; False when there was nothing. `keep` leaves the data."""
    found = record.load(home / NOTE)
    if found is None:
        return False
    entries, facts = found
    record.end(entries)
    if "compose" in facts:
        docker.compose_down()
    if "remove" in facts and not keep:
        shutil.rmtree(facts["remove"], ignore_errors=True)
    (home / NOTE).unlink()
    return True
