"""Faust (faust-streaming): tables in memory with changelogs in Kafka.

At least once by default; its exactly-once mode takes about twice the CPU.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from bench.peers import prepare
from bench.peers.contestant import Variant
from bench.peers.external import SCHEMA, External, Place
from bench.points import TOPIC

FOLDER: Final = "faust"
PROGRAM: Final = prepare.HERE / FOLDER / "program.py"
COMMON: Final[Mapping[str, Any]] = {
    "guarantee": "at_least_once",
    "store": "memory://",
    "settings": {"producer_linger": 0.02},
}


class Faust(External):
    """See Contestant."""

    name = "Faust"
    promise = "as each line says"
    keeps = "tables in memory and changelog topics; no ledger that can be queried, no audit"
    drains = (
        Variant(name="1 process, at least once"),
        Variant(name="2 processes, at least once", processes=2),
        Variant(name="1 process, exactly once", settings={"guarantee": "exactly_once"}),
    )
    paced = (Variant(name="1 process, at least once", settings={"settings": {}}),)

    def __init__(self) -> None:
        self._python = ""

    def prepare(self) -> None:
        self._python = prepare.python(FOLDER)

    def own_topics(self, run: str) -> tuple[str, ...]:
        """Its changelogs: it makes them itself, but then does not see their partitions and stops
        with PartitionsMismatch.
        """
        return (f"{run}-seen-changelog", f"{run}-totals-changelog")

    def command(self, place: Place, settings: Mapping[str, Any]) -> tuple[str, ...]:
        told = {
            **COMMON,
            "bootstrap": place.kafka,
            "group": place.group,
            "input": TOPIC,
            "output": place.output,
            "partitions": place.partitions,
            "schema": str(SCHEMA),
            "state_dir": str(place.folder / "state"),
            **settings,
        }
        return (self._python, str(PROGRAM), json.dumps(told), "worker", "--without-web")
