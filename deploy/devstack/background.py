"""Servers that stay when the command that started them ends, and how they are ended later."""

import time
from pathlib import Path
from typing import Final

from deploy.devstack import compose, containers, external, local, record, site
from deploy.devstack.errors import DevstackError, NotReady
from deploy.devstack.flavour import BENCH, Flavour
from deploy.devstack.ports import Ports
from deploy.devstack.process import READY_EVERY_S
from deploy.devstack.server import Addresses, Elsewhere
from deploy.devstack.settings import Backend, Settings
from deploy.devstack.stack import Stack
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
        stack = _in_containers(flavour)
        facts = {"compose": compose.PROJECT}
    else:
        stack = local.start(chosen, flavour, outlives_us=True)
        entries = tuple(map(record.Entry.of, local.processes(stack)))
        facts = {"folder": str(stack.folder), "keep": "yes" if chosen.keep else ""}
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
        compose.down(keep=keep)
    if "folder" in facts:
        site.remove(Path(facts["folder"]), keep=keep or bool(facts["keep"]))
    (home / NOTE).unlink()
    return True


def _in_containers(flavour: Flavour) -> Stack:
    if flavour != BENCH:
        raise DevstackError(f"containers that stay are as {compose.FILE} says: edit that")
    ports = Ports()
    at = {name: ports.take() for name in compose.NAMES}
    try:
        compose.up(at)
        deadline = time.monotonic() + containers.READY_WITHIN_S
        for name, port in at.items():
            is_ready = containers.ready(name, port)
            while not is_ready():
                if time.monotonic() > deadline:
                    raise NotReady(f"{name} did not answer: docker logs {compose.PROJECT}-{name}-1")
                time.sleep(READY_EVERY_S)
    except BaseException:
        compose.down(keep=False)
        raise
    elsewhere = {name: Elsewhere(name) for name in compose.NAMES}
    return Stack(
        kafka=elsewhere["kafka"],
        registry=elsewhere["registry"],
        postgres=elsewhere["postgres"],
        redis=elsewhere["redis"],
        addresses=containers.addresses(at),
        release=lambda: compose.down(keep=False),
    )
