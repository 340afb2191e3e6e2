"""How far behind a worker is, by partition, in records and in seconds."""

import time
from collections.abc import Sequence
from typing import Final

from gamification.adapters.kafka.consumer import InputConsumer
from gamification.adapters.postgres.offsets import Partition
from gamification.telemetry import metrics
from gamification.wire.envelope import Record

MEASURE_EVERY_S: Final = 1.0


class Lag:
    """For one worker. Asks nobody: the consumer knows the ends of its logs from fetching."""

    def __init__(self, consumer: InputConsumer) -> None:
        self._consumer = consumer
        self._handled_ms: dict[Partition, int] = {}
        self._next_s = 0.0

    def handled(self, records: Sequence[Record]) -> None:
        """Note how old the records are that were just committed."""
        for record in records:
            self._handled_ms[record.topic, record.partition] = record.timestamp_ms

    def measure(self) -> None:
        """Set the gauges, at most once a second; drop those of partitions that went away.

        Other people's tools ask Kafka, so it is told too.
        """
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + MEASURE_EVERY_S
        self._consumer.report()
        lags = self._consumer.lags()
        for (topic, partition), records in lags.items():
            # The oldest record not handled is about as old as the last one that was.
            handled_ms = self._handled_ms.get((topic, partition), 0)
            behind_s = max(0.0, time.time() - handled_ms / 1000) if records and handled_ms else 0.0
            metrics.LAG_RECORDS.labels(topic, partition).set(records)
            metrics.LAG_SECONDS.labels(topic, partition).set(behind_s)
        for place in self._handled_ms.keys() - lags.keys():
            del self._handled_ms[place]
            metrics.forget_partition(*place)
