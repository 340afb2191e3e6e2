"""The award workers' consumer: records in, positions from outside.

Where to read on is not Kafka's to say: the caller keeps it in the transaction that counts the
records, and tells it here on every assignment and after every failure.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from gamification.adapters.kafka.bounds import Partition, named, spans
from gamification.adapters.kafka.cluster import Kafka, reach
from gamification.adapters.kafka.message import record_of
from gamification.domain.errors import GamificationError, Halt, Unavailable
from gamification.telemetry import logs
from gamification.wire.envelope import Record

Positions = Mapping[Partition, int]
Start = Callable[[Positions], Positions]
"""Where to read on, given the first offset that each assigned partition still has."""

REQUEST_TIMEOUT_S: Final = 10.0
IDLE_POLL_S: Final = 0.2
CLOSE_WITHIN_S: Final = 4.0
QUEUED_KIB_MAX: Final = 32 * 1024

log = logs.get("consumer")


@dataclass(slots=True)
class _Assignment:
    """What this worker owns. `expected` is what it stored last: where the next record follows."""

    expected: dict[Partition, int] = field(default_factory=dict)
    failed: GamificationError | None = None
    """Why the start of new partitions failed, inside a callback that must not raise."""
    delivered: dict[Partition, int] = field(default_factory=dict)
    """What follows the last record that was handed out."""
    reported: dict[Partition, int] = field(default_factory=dict)
    """What Kafka was told of it."""
    held_until_s: dict[Partition, float] = field(default_factory=dict)
    """Partitions that rest, by the monotonic clock."""
    is_broken: bool = False


class InputConsumer:
    """One member of the consumer group. For one thread. Make it anew after Unavailable.

    Uses the broker-side rebalance protocol (KIP-848): joins and leaves move only the partitions
    that change their owner.
    """

    def __init__(
        self,
        brokers: Kafka,
        group: str,
        topics: Iterable[str],
        start: Start,
        *,
        fetch_wait_ms: int = 5,
    ) -> None:
        self._start = start
        self._own = _Assignment()
        common: dict[str, str | int | float | bool] = {
            **reach(brokers),
            "log_level": 2,
        }
        self._admin = AdminClient(common)
        self._consumer = Consumer(
            {
                **common,
                "group.id": group,
                "group.protocol": "consumer",
                # Topic by topic, so that each worker has its share of every topic and all of one
                # customer's partitions; the default may leave a busy topic to one worker.
                "group.remote.assignor": "range",
                "enable.auto.commit": False,
                "enable.partition.eof": False,
                "isolation.level": "read_committed",
                # A stored position that the log no longer has is never skipped silently.
                "auto.offset.reset": "error",
                # Every request names all partitions. Answered as soon as there is one record, they
                # come a thousand times a second and cost the broker half a core (measured).
                "fetch.min.bytes": 64 * 1024,
                "fetch.wait.max.ms": fetch_wait_ms,
                "fetch.queue.backoff.ms": 2,
                "queued.min.messages": 20_000,
                "queued.max.messages.kbytes": QUEUED_KIB_MAX,
                "fetch.message.max.bytes": 1024 * 1024,
                "max.poll.interval.ms": 60_000,
            }
        )
        self._consumer.subscribe(
            list(topics),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )

    @property
    def is_broken(self) -> bool:
        """Whether only a new member of the group can go on."""
        return self._own.is_broken

    @property
    def expected(self) -> Positions:
        """By owned partition, the position that was stored last."""
        return self._own.expected

    def poll(self, records_max: int, wait_ms: int) -> list[Record]:
        """Up to `records_max` records of owned partitions, in order within each.

        Waits for the first one for a short time, then up to `wait_ms` for more. Raises
        Unavailable when Kafka or the keeper of positions is away, Halt when records that were
        never counted are gone from the log.
        """
        self._release()
        try:
            first = self._consumer.poll(IDLE_POLL_S)
            messages = [] if first is None else [first]
            if messages and records_max > 1:
                messages += self._consumer.consume(records_max - 1, timeout=wait_ms / 1000)
        except KafkaException as error:
            raise Unavailable(f"kafka: {error.args[0].str()}") from error
        if self._own.failed is not None:
            self._own.is_broken = True
            raise self._own.failed
        return self._records(messages)

    def _records(self, messages: Iterable[Message]) -> list[Record]:
        expected = self._own.expected
        records: list[Record] = []
        for message in messages:
            problem = message.error()
            if problem is not None:
                self._own.is_broken |= problem.fatal()
                _raise_if_serious(problem)
                continue
            record = record_of(message)
            place, offset = (record.topic, record.partition), record.offset
            # Fetched before a seek or a revocation took effect: somebody else's, or counted.
            if offset < expected.get(place, offset + 1):
                continue
            self._own.delivered[place] = offset + 1
            records.append(record)
        return records

    def stored(self, positions: Positions) -> None:
        """Note positions that are stored now."""
        self._own.expected.update(positions)

    def report(self) -> None:
        """Tell Kafka the positions that moved, for lag tools only: nobody reads on from them."""
        moved = self._handled().items() - self._own.reported.items()
        if not moved:
            return
        self._own.reported.update(moved)
        offsets = [TopicPartition(topic, number, offset) for (topic, number), offset in moved]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            log.debug("lag_commit_failed", reason=error.args[0].str())

    def lags(self) -> dict[Partition, int]:
        """Records not counted yet, by owned partition, as far as fetching has shown."""
        found: dict[Partition, int] = {}
        for (topic, partition), handled in self._handled().items():
            place = TopicPartition(topic, partition)
            try:
                _, end = self._consumer.get_watermark_offsets(place, cached=True)
            except KafkaException:  # not fetched from yet
                end = handled
            found[topic, partition] = max(0, end - handled)
        return found

    def _handled(self) -> dict[Partition, int]:
        """Up to where nothing waits.

        That is beyond what is stored where a transaction of a producer ends after its last record:
        its marker takes an offset too, and would count as a record that is never handled.
        """
        own = self._own
        handled = dict(own.expected)
        quiet = [
            TopicPartition(*place)
            for place, expected in own.expected.items()
            if own.delivered.get(place, expected) <= expected
        ]
        try:
            positions = self._consumer.position(quiet) if quiet else []
        except KafkaException:
            return handled
        for place in positions:
            key = place.topic, place.partition
            handled[key] = max(handled[key], place.offset)
        return handled

    def go_back(self) -> None:
        """After a failure: read every owned partition on from its stored position.

        Raises Unavailable, and Halt as `poll` does.
        """
        owned = list(self._own.expected)
        if not owned:
            return
        positions = self._positions(owned)
        try:
            for (topic, partition), offset in positions.items():
                self._consumer.seek(TopicPartition(topic, partition, offset))
        except KafkaException as error:
            self._own.is_broken = True
            raise Unavailable(f"kafka: seek: {error.args[0].str()}") from error
        self._own.expected.update(positions)

    def hold(self, places: Iterable[Partition], for_s: float) -> None:
        """Read these on from their stored positions, but not before `for_s` seconds have passed.

        The other partitions go on. Raises Unavailable.
        """
        for topic, partition in places:
            place = TopicPartition(topic, partition, self._own.expected[topic, partition])
            try:
                self._consumer.pause([place])
                self._consumer.seek(place)
            except KafkaException as error:
                self._own.is_broken = True
                raise Unavailable(f"kafka: hold: {error.args[0].str()}") from error
            self._own.held_until_s[topic, partition] = time.monotonic() + for_s

    def _release(self) -> None:
        held = self._own.held_until_s
        if held:
            now_s = time.monotonic()
            self._resume([place for place, until_s in held.items() if until_s <= now_s])

    def _resume(self, places: Iterable[Partition]) -> None:
        for place in places:
            if self._own.held_until_s.pop(place, None) is not None:
                try:
                    self._consumer.resume([TopicPartition(*place)])
                except KafkaException as error:
                    self._own.is_broken = True
                    raise Unavailable(f"kafka: resume: {error.args[0].str()}") from error

    def close(self) -> None:
        """Leave the group, so that others take over at once.

        While Kafka is away the client waits for ever to say so: then it is left behind, and the
        group misses it when its session ends.
        """
        leaving = threading.Thread(target=self._leave, name="consumer-close", daemon=True)
        leaving.start()
        leaving.join(CLOSE_WITHIN_S)

    def _leave(self) -> None:
        with contextlib.suppress(KafkaException, RuntimeError):
            self.report()
            self._consumer.close()

    def _on_assign(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        """Runs inside poll. Never raises: librdkafka would lose the error, poll tells it."""
        partitions = [(tp.topic, tp.partition) for tp in assigned]
        try:
            positions = self._positions(partitions) if partitions else {}
        except GamificationError as error:
            self._own.failed = error
            positions = {}
        else:
            self._own.expected.update(positions)
            log.info("assigned", partitions=named(partitions))
        consumer.incremental_assign(
            [TopicPartition(t, p, positions.get((t, p), OFFSET_BEGINNING)) for t, p in partitions]
        )

    def _on_revoke(self, consumer: Consumer, revoked: list[TopicPartition]) -> None:
        partitions = [(tp.topic, tp.partition) for tp in revoked]
        for partition in partitions:
            self._own.expected.pop(partition, None)
            self._own.reported.pop(partition, None)
            self._own.delivered.pop(partition, None)
        with contextlib.suppress(Unavailable):  # the next owner begins afresh, and may be we
            self._resume(partitions)
        consumer.incremental_unassign(revoked)
        log.info("revoked", partitions=named(partitions))

    def _positions(self, partitions: list[Partition]) -> Positions:
        bounds = spans(self._admin, partitions, REQUEST_TIMEOUT_S)
        stored = self._start({place: first for place, (first, _) in bounds.items()})
        for (topic, partition), offset in stored.items():
            first, end = bounds[topic, partition]
            if offset < first:
                raise Halt(
                    f"{topic}[{partition}]: records {offset} to {first - 1} were deleted before "
                    "they were counted; see that the topic keeps records longer than outages last"
                )
            if offset > end:
                raise Halt(
                    f"{topic}[{partition}]: counted up to {offset}, the log ends at {end}; was "
                    "the topic made anew? Delete its rows in consumer_offsets to count it afresh"
                )
        return stored


def _raise_if_serious(problem: KafkaError) -> None:
    """Passing trouble is librdkafka's to mend; what it cannot mend is ours to say."""
    code = problem.code()
    if code in {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001
        raise Halt(f"kafka: {problem.str()}: records are gone that were never counted")
    if problem.fatal() or code == KafkaError._MAX_POLL_EXCEEDED:  # noqa: SLF001
        raise Unavailable(f"kafka: {problem.str()}")
    log.debug("kafka_trouble", reason=problem.str())
