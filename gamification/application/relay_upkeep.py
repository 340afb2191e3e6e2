"""What the relay does besides publishing: figures, partitions, a position that follows."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gamification.adapters.kafka.position import RelayPosition
from gamification.adapters.kafka.publisher import TransactionalPublisher
from gamification.adapters.postgres import letter_index, outbox_reader, relay_state
from gamification.adapters.postgres.connection import Database, connect
from gamification.adapters.postgres.outbox_reader import Entry
from gamification.application.relay_lanes import Lane, Limits
from gamification.domain.errors import Unavailable
from gamification.telemetry import logs, metrics, traces
from gamification.telemetry.traces import Kind

MEASURE_EVERY_S: Final = 1.0
ENSURE_EVERY_S: Final = 10.0
DROP_EVERY_S: Final = 60.0
FOLLOW_AFTER_S: Final = 0.5
"""A lane without rows of its own lets its position follow the others' that often."""

CONNECTION: Final = "gamification-relay-upkeep"
IMPATIENT: Final = {"lock_timeout": "500ms"}
"""Looking after partitions never holds up who inserts, nor the relay itself, for longer."""

log = logs.get("relay")


class Upkeep:
    """Does what is due. Made anew with each lead that the relay takes."""

    def __init__(
        self,
        dsn: str,
        lane: Lane,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The relay has just committed its position."""
        self._dsn = dsn
        self._lane = lane
        self._limits = limits
        self._clock = clock
        self._committed_at = clock()
        self._measure_at = self._ensure_at = self._drop_at = 0.0

    def committed(self) -> None:
        """The position was committed with what was published."""
        self._committed_at = self._clock()

    def turn(
        self,
        database: Database,
        publisher: TransactionalPublisher,
        position: RelayPosition,
        seen: int,
    ) -> RelayPosition:
        """Return what Kafka now has as the position. Raises Unavailable or Halt.

        `seen` is up to where there is nothing left to publish: when that went on without us,
        because rows were all for other lanes, the position follows, at its leisure.
        """
        now = self._clock()
        if seen > position.last_id and now - self._committed_at >= FOLLOW_AFTER_S:
            position = position.followed_by(seen)
            publisher.publish((), position)
            relay_state.store_progress(database, self._lane.shard, seen, published=False)
            self.committed()
        if now >= self._measure_at:
            self._measure_at = now + MEASURE_EVERY_S
            measure(database, self._lane.name, seen)
        if self._lane.keeps_house and now >= self._ensure_at:
            self._ensure_at = now + ENSURE_EVERY_S
            self._look_after_partitions(position.last_id, now)
        return position

    def _look_after_partitions(self, published_id: int, now: float) -> None:
        """On a connection that does not wait for locks; what did not work is tried again."""
        try:
            database = connect(self._dsn, CONNECTION, IMPATIENT)
            try:
                relay_state.ensure_partitions(database)
                metrics.DLQ_SIZE.set(letter_index.count_parked(database))
                if now >= self._drop_at:
                    others = relay_state.published_by(database, self._lane.others)
                    dropped = relay_state.drop_published_partitions(
                        database, min(published_id, others), self._limits.keep_hours
                    )
                    self._drop_at = now + DROP_EVERY_S
                    if dropped:
                        log.info("outbox_partitions_dropped", names=dropped)
            finally:
                database.close()
        except Unavailable as error:
            log.warning("outbox_upkeep_failed", reason=str(error))


def measure(database: Database, lane: str, seen: int) -> None:
    """Show how much waits behind this id. Raises Unavailable or Halt."""
    rows, age_s = outbox_reader.depth_and_age(database, seen)
    metrics.OUTBOX_ROWS.labels(lane).set(rows)
    metrics.OUTBOX_AGE.labels(lane).set(age_s)


def stand_by(lane: Lane) -> None:
    """Another relay leads: what waits is its to show."""
    metrics.OUTBOX_ROWS.labels(lane.name).set(0)
    metrics.OUTBOX_AGE.labels(lane.name).set(0)
    if lane.keeps_house:
        metrics.DLQ_SIZE.set(0)


def count(entries: Sequence[Entry], topics: Mapping[int, str], took_s: float) -> None:
    """Metrics of one published batch, which took `took_s` from reading to commit."""
    now_s = time.time()
    metrics.PUBLISH_DELAY.observe([now_s - entry.created_s for entry in entries])
    metrics.BATCH_ITEMS.observe(len(entries))
    metrics.BATCH_SECONDS.observe(took_s)
    for code, rows in Counter(entry.topic for entry in entries).items():
        metrics.PUBLISHED.labels(topics[code]).inc(rows)
    if traces.is_on():
        _trace(entries, topics, time.time_ns() - int(took_s * 1e9))


def _trace(entries: Sequence[Entry], topics: Mapping[int, str], began_ns: int) -> None:
    """A span for the batch, and one in the trace of each announcement that is followed."""
    system: dict[str, str | int] = {"messaging.system": "kafka"}
    whole = traces.begin(
        "publish batch",
        Kind.PRODUCER,
        attributes={**system, "messaging.batch.message_count": len(entries)},
        links=(entry.traceparent for entry in entries),
        began_ns=began_ns,
    )
    if whole is not None:
        whole.end()
    for entry in entries:
        if not traces.is_sampled(entry.traceparent):
            continue
        topic = topics[entry.topic]
        about = {**system, "messaging.destination.name": topic, "gamification.outbox_id": entry.id}
        span = traces.begin(
            f"publish {topic}",
            Kind.PRODUCER,
            entry.traceparent,
            attributes=about,
            began_ns=began_ns,
        )
        if span is not None:
            span.end()
