"""Waiting until everything that was sent has gone all the way to Postgres, Kafka and Redis."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Final, cast

import psycopg
import redis

from bench.workload.ends import Ends
from deploy.devstack.server import Addresses
from gamification.domain.activity import Kind

REPLAY: Final = "gamification.replay"
"""Written in transactions, whose ends take offsets too: there, records must be counted."""
INPUTS: Final = (*(kind.value for kind in Kind), REPLAY)
PROJECTION: Final = "position:{projection}"
EVERY_S: Final = 0.1

COUNTED: Final = "SELECT topic, partition, max(next_offset) FROM consumer_offsets GROUP BY 1, 2"
WRITTEN: Final = """
    SELECT (SELECT coalesce(max(id), 0) FROM outbox), (SELECT coalesce(max(id), 0) FROM changes),
           (SELECT CASE WHEN count(*) < 2 THEN 0 ELSE min(last_id) END FROM relay_progress)
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is still on its way: input records, outbox rows, changes that boards lack."""

    inputs: int
    outbox: int
    changes: int

    @property
    def empty(self) -> bool:
        return not (self.inputs or self.outbox or self.changes)


class Drain:
    """Measures the backlog; one connection to each server."""

    def __init__(self, addresses: Addresses) -> None:
        self._stack = ExitStack()
        self._database = self._stack.enter_context(
            psycopg.connect(addresses.postgres_dsn, autocommit=True)
        )
        self._redis = self._stack.enter_context(closing(redis.Redis.from_url(addresses.redis_url)))
        self._ends = Ends(addresses.kafka_bootstrap)
        self._places = self._ends.places(INPUTS)

    def backlog(self) -> Backlog:
        """Now. The outbox and the boards are asked only when all inputs are counted."""
        inputs = self._inputs()
        outbox, changes, published = next(iter(self._database.execute(WRITTEN)))
        projected = int(cast("bytes | None", self._redis.hget(PROJECTION, "id")) or 0)
        return Backlog(inputs, max(0, outbox - published), max(0, changes - projected))

    def wait(
        self, within_s: float, progress: Callable[[Backlog], None] = lambda _backlog: None
    ) -> float:
        """Return after how many seconds nothing was left. Raises TimeoutError."""
        begun = time.monotonic()
        while not (backlog := self.backlog()).empty:
            progress(backlog)
            if time.monotonic() - begun > within_s:
                raise TimeoutError(f"not drained within {within_s} s: {backlog}")
            time.sleep(EVERY_S)
        return time.monotonic() - begun

    def close(self) -> None:
        self._stack.close()

    def _inputs(self) -> int:
        counted = {row[:2]: row[2] for row in self._database.execute(COUNTED)}
        starts, ends = self._ends.first(self._places), self._ends.next(self._places)
        found = 0
        for place, end in ends.items():
            at = counted.get(place, starts[place])
            found += self._ends.records(place, at) if place[0] == REPLAY and at < end else end - at
        return max(0, found)
