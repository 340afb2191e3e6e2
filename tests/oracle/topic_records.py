"""Reads whole topics at isolation level read_committed, and remembers all that was ever there."""

import time
import uuid
from collections.abc import Iterable
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from bench.workload.ends import Ends

BATCH: Final = 10_000
POLL_S: Final = 0.05
"""A poll takes this long unless it fills a whole batch."""
READ_WITHIN_S: Final = 120


class TopicRecord(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def place(self) -> tuple[str, int, int]:
        return self.topic, self.partition, self.offset

    def header(self, name: str) -> str | None:
        """The only header of that name as text; None when there is none, or more than one."""
        found = [value for key, value in self.headers if key == name and value is not None]
        return found[0].decode() if len(found) == 1 else None


class TopicReader:
    """Follows topics from their start, or from where they end when it is made."""

    def __init__(self, bootstrap: str, topics: Iterable[str], *, from_now: bool = False) -> None:
        self._bootstrap = bootstrap
        self.records: list[TopicRecord] = []
        ends = Ends(bootstrap)
        places = ends.places(topics)
        self._positions = ends.next(places) if from_now else ends.first(places)

    def catch_up(self) -> None:
        """Read everything committed so far. Raises AssertionError when that takes too long."""
        consumer = self._consumer()
        try:
            consumer.assign(
                [
                    TopicPartition(topic, partition, offset)
                    for (topic, partition), offset in self._positions.items()
                ]
            )
            self._read_to_the_end(consumer)
        finally:
            consumer.close()

    def _read_to_the_end(self, consumer: Consumer) -> None:
        open_ends = set(self._positions)
        deadline = time.monotonic() + READ_WITHIN_S
        while open_ends:
            assert time.monotonic() < deadline, f"no end of {sorted(open_ends)[:3]} was reached"
            for message in consumer.consume(BATCH, POLL_S):
                where = str(message.topic()), int(message.partition() or 0)
                error = message.error()
                if error is None:
                    record = _record(message)
                    self.records.append(record)
                    self._positions[where] = record.offset + 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    open_ends.discard(where)
                else:
                    raise AssertionError(f"reading {where}: {error}")

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": f"audit-{uuid.uuid4().hex}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "queued.max.messages.kbytes": 262_144,
                "log_level": 0,
            }
        )


def _record(message: Message) -> TopicRecord:
    key, value = message.key(), message.value()
    assert key is None or isinstance(key, bytes)
    assert value is None or isinstance(value, bytes)
    headers = tuple(message.headers() or ())
    return TopicRecord(
        str(message.topic()),
        int(message.partition() or 0),
        int(message.offset() or 0),
        key,
        value,
        headers,  # type: ignore[arg-type]
    )
