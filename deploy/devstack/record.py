"""The note about processes that were left running, so that later exactly those can be ended."""

import json
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from deploy.devstack.identity import Identity, gone, send_to_tree
from deploy.devstack.process import STOP_WITHIN_S, Process

KILLED_WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One process, and the signal by which it is asked to end."""

    name: str
    identity: Identity
    stop_signal: signal.Signals

    @classmethod
    def of(cls, process: Process) -> Self:
        return cls(process.name, process.identity, process.command.stop_signal)


def save(path: Path, entries: Iterable[Entry], facts: dict[str, str]) -> None:
    """Write it whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    processes = [
        {
            "name": entry.name,
            "pid": entry.identity.pid,
            "started": entry.identity.started,
            "stop_signal": int(entry.stop_signal),
        }
        for entry in entries
    ]
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"processes": processes, "facts": facts}, indent=2) + "\n")
    partial.rename(path)


def load(path: Path) -> tuple[tuple[Entry, ...], dict[str, str]] | None:
    """The processes and facts of `save`; None when there is no note."""
    if not path.exists():
        return None
    note = json.loads(path.read_text())
    entries = tuple(
        Entry(
            each["name"],
            Identity(each["pid"], each["started"]),
            signal.Signals(each["stop_signal"]),
        )
        for each in note["processes"]
    )
    return entries, note["facts"]


def end(entries: Iterable[Entry]) -> None:
    """Ask those that still run to end, then kill what is left after STOP_WITHIN_S seconds."""
    running = [entry for entry in entries if entry.identity.alive()]
    for entry in running:
        entry.identity.send(signal.SIGCONT)
        entry.identity.send(entry.stop_signal)
    if not gone([entry.identity for entry in running], STOP_WITHIN_S):
        killed = [
            each for entry in running for each in send_to_tree(entry.identity, signal.SIGKILL)
        ]
        gone(killed, KILLED_WITHIN_S)
