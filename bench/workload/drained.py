"""Waiting until everything that was sent has gone all the way to Postgres, Kafka and Redis."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Final, cast

import psycopg
import redis
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from deploy.devstack.server import Addresses
from gamification.domain.activity import Kind

INPUTS: Final = (*(kind.value for kind in Kind), "gamification.replay")
PROJECTION: Final = "position:{projection}"
EVERY_S: Final = 0.1
ASK_WITHIN_S: Final = 10

COUNTED: Final = "SELECT topic, partition, max(next_offset) FROM consumer_offsets GROUP BY 1, 2"
WRITTEN: Final = """
    SELECT (SELECT coalesce(max(id), 0) FROM outbox), (SELECT coalesce(max(id), 0) FROM changes),
           (SELECT coalesce(max(last_id), 0) FROM relay_progress)
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
        self._kafka = AdminClient({"bootstrap.servers": addresses.kafka_bootstrap, "log_level": 0})
        known = self._kafka.list_topics(timeout=ASK_WITHIN_S).topics
        self._partitions = [
            (topic, partition)
            for topic in INPUTS
            for partition in (known[topic].partitions if topic in known else ())
        ]

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
        starts = self._offsets(OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        ends = self._offsets(OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return sum(max(0, end - counted.get(place, starts[place])) for place, end in ends.items())

    def _offsets(self, which: OffsetSpec) -> dict[tuple[str, int], int]:
        asked = {TopicPartition(topic, partition): which for topic, partition in self._partitions}
        answers = self._kafka.list_offsets(asked, request_timeout=ASK_WITHIN_S)
        return {
            (place.topic, place.partition): answer.result(ASK_WITHIN_S).offset
            for place, answer in answers.items()
        }
