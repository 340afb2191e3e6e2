"""Quix Streams: processing_guarantee="exactly-once", state in RocksDB with changelogs in Kafka."""

import json
from collections.abc import Mapping
from typing import Any, Final

from bench.peers import prepare
from bench.peers.contestant import Variant
from bench.peers.external import SCHEMA, External, Place
from bench.points import TOPIC

FOLDER: Final = "quix"
PROGRAM: Final = prepare.HERE / FOLDER / "program.py"
COMMON: Final[Mapping[str, Any]] = {
    "commit_interval_s": 1.0,
    "commit_every": 0,
    "consumer": {},
    "producer": {"compression.type": "lz4", "linger.ms": 50, "retry.backoff.ms": 1},
}


def _every(seconds: float) -> Mapping[str, Any]:
    """By default a transaction that follows another at once waits 100 ms for it."""
    return {"commit_interval_s": seconds, "producer": {"linger.ms": 0, "retry.backoff.ms": 1}}


class Quix(External):
    """See Contestant."""

    name = "Quix Streams"
    promise = "exactly once"
    keeps = "state in RocksDB and changelog topics; no ledger that can be queried, no audit"
    drains = (Variant(name="1 process"), Variant(name="2 processes", processes=2))
    paced = (
        Variant(name="1 process, commit every 100 ms", settings=_every(0.1)),
        Variant(name="1 process, commit every 20 ms", settings=_every(0.02)),
    )

    def __init__(self) -> None:
        self._python = ""

    def prepare(self) -> None:
        self._python = prepare.python(FOLDER)

    def command(self, place: Place, settings: Mapping[str, Any]) -> tuple[str, ...]:
        told = {
            **COMMON,
            "bootstrap": place.kafka,
            "group": place.group,
            "input": TOPIC,
            "output": place.output,
            "schema": str(SCHEMA),
            "state_dir": str(place.folder / "state"),
            **settings,
        }
        return (self._python, str(PROGRAM), json.dumps(told))
