"""Ours: the award worker and the relay as in service, with a rulebook of three badges."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Message
from fastavro import parse_schema, schemaless_reader

from bench.ground import Ground
from bench.measurement import Failed
from bench.peers.contestant import Variant
from bench.peers.job import Badge
from bench.report import ROOT
from bench.run import Run, assigned_at, fresh_run
from deploy.launch import Worker
from gamification.adapters.postgres.session import EngineSession
from gamification.application.rulebook_admin import activate
from gamification.domain.ids import DEFAULT_MERCHANT

RULEBOOK: Final = Path(__file__).with_name("rulebook.yaml")
AWARDED: Final = "badge.awarded"
PREFIX: Final = "total-"
HEADER_BYTES: Final = 5


class Engine:
    """See Contestant. No projection: the job has no leaderboards, and nobody else makes any."""

    name = "this engine"
    promise = "exactly once"
    keeps = (
        "in Postgres: ids, totals, ledger, badges, audit entries, outbox; "
        "five announcements of each badge instead of one"
    )
    drains = (Variant(name="1 award, 1 relay"), Variant(name="2 award, 1 relay", processes=2))
    paced = (Variant(name="1 award, 1 relay"),)

    def prepare(self) -> None:
        """`make compiled` did."""

    @contextmanager
    def enter(self, ground: Ground, variant: Variant, run: str) -> Iterator["Entry"]:
        with fresh_run(ground, run, dict(variant.settings)) as fresh:
            dsn = fresh.addresses.postgres_dsn
            with closing(EngineSession(dsn, "bench-peers")) as session:
                activate(session, DEFAULT_MERCHANT, RULEBOOK.read_text(), "bench", _now_ms)
            fresh.application.start("relay")
            yield Entry(fresh, variant.processes)


class Entry:
    """See Entered."""

    output = AWARDED

    def __init__(self, run: Run, awards: int) -> None:
        self._run = run
        self._wanted = awards
        self._awards: list[Worker] = []
        schema = json.loads((ROOT / "schemas" / f"{AWARDED}.avsc").read_text())
        self._schema = parse_schema(schema)

    @property
    def processes(self) -> Sequence[Worker]:
        return self._run.application.workers

    def launch(self) -> None:
        self._awards = [self._run.launch("award") for _ in range(self._wanted)]

    def begun_at(self) -> float | None:
        """When the first partitions were assigned, which is before the first record came."""
        told = []
        for worker in self._awards:
            try:
                told.append(assigned_at(worker))
            except Failed:
                continue
        return min(told, default=None)

    def stop(self) -> None:
        self._run.application.close()

    def read(self, message: Message) -> Badge | None:
        body = BytesIO((message.value() or b"")[HEADER_BYTES:])
        told: Any = schemaless_reader(body, self._schema, None)
        return Badge(told["customer_id"], int(told["badge"].removeprefix(PREFIX)))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
