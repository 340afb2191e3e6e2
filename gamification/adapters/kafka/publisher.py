"""Publish in Kafka transactions that also hold how far we are.

The position is a record too, in a partition of its own, inside the transaction that publishes:
both are seen, or neither. So a crash between Kafka's commit and anything else cannot make us
publish twice.
"""

import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Report

from gamification.adapters.kafka.cluster import Kafka, reach
from gamification.adapters.kafka.position import CLIENT, KEY, Found, RelayPosition, read
from gamification.adapters.kafka.publish_errors import Undelivered, of_exception, translate
from gamification.domain.errors import Unavailable
from gamification.telemetry.killpoints import reached

INIT_WITHIN_S: Final = 6.0
"""A second is needed when a transaction of a predecessor must be aborted first."""
PUBLISH_WITHIN_S: Final = 5.0
ABORT_WITHIN_S: Final = 1.0
UNDO_WITHIN_S: Final = 10.0
LOOK_EVERY_S: Final = 0.05

RECORD_BYTES_MAX: Final = 32 * 1024 * 1024
"""Before compression. The topic's own limit counts after it."""

UNDELIVERED_MAX: Final = 10

ALL_AWAY: Final = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - where librdkafka puts it
"""One broker of several may be away for good; then its partitions are led by others."""

LIBRARY: Final = logging.getLogger("librdkafka")

PRODUCER: Final[dict[str, str | int | float | bool]] = {
    # An open transaction holds back every read_committed reader of its partitions.
    "transaction.timeout.ms": 12_000,
    "message.timeout.ms": 4_000,
    # At the default of 100 transactions in a row take 86 ms each instead of 4.
    "retry.backoff.ms": 1,
    # Costs nothing, since a commit flushes at once; saves requests in a large transaction.
    "linger.ms": 5,
    "batch.size": 256 * 1024,
    "compression.type": "lz4",
    # As Java's default, so that one key stays in one partition whoever produces it.
    "partitioner": "murmur2_random",
    "message.max.bytes": RECORD_BYTES_MAX,
    "queue.buffering.max.kbytes": 2 * RECORD_BYTES_MAX // 1024,
    "queue.buffering.max.messages": 100_000,
    "delivery.report.only.error": True,
}


Headers = list[tuple[str, str | bytes | None]]


class Message(NamedTuple):
    """One record to publish."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: Headers


class TransactionalPublisher:
    """One producer with a stable transactional id: making it fences its predecessor.

    Good until the first failure. Then nobody knows what became of the transaction: `close` it,
    make a new one, and only then ask for the position again. For one thread.
    """

    def __init__(
        self, brokers: Kafka, transactional_id: str, position_topic: str, partition: int
    ) -> None:
        """Connects. Raises Unavailable or Halt."""
        self._undelivered: list[Undelivered] = []
        self._brokers = brokers
        self._topic = position_topic
        self._partition = partition
        self._were_all_away = False
        self._producer: Producer | None = Producer(
            {
                **CLIENT,
                **PRODUCER,
                **reach(brokers),
                "transactional.id": transactional_id,
                "logger": LIBRARY,  # else it writes to standard error by itself
                "on_delivery": self._on_delivery,
                "error_cb": self._on_error,
            }
        )
        try:
            self._producer.init_transactions(INIT_WITHIN_S)
            self._producer.poll(0)
            self._were_all_away = False  # before it began
        except KafkaException as error:
            self.close()
            raise translate(error, "start transactions") from error

    def position(self) -> Found:
        """See `position.read`."""
        self._open()
        return read(self._brokers, self._topic, self._partition)

    def publish(self, messages: Iterable[Message], position: RelayPosition) -> None:
        """All messages in their order, and the position, or nothing.

        Raises Unavailable when it is not known or not true that all was published; Unproducible
        when Kafka refuses one of the records for good; Halt when it refuses us.
        """
        producer = self._open()
        self._still_connected(producer)
        until = time.monotonic() + PUBLISH_WITHIN_S
        self._undelivered.clear()
        try:
            producer.begin_transaction()
            producer.produce(self._topic, position.worded(), KEY, self._partition)
            reached("relay.in_transaction")
            for message in messages:
                try:
                    producer.produce(
                        message.topic, message.value, message.key, headers=message.headers
                    )
                except BufferError:
                    _produce_patiently(producer, message, until)
            reached("relay.before_kafka_commit")
            producer.commit_transaction(_left_s(until))
        except (KafkaException, SystemError) as error:
            self._abort(producer, error)
            raise translate(error, "publish", self._undelivered) from error
        self._still_connected(producer)

    def _still_connected(self, producer: Producer) -> None:
        """A broker that went away may have forgotten to end what it acknowledged.

        Whoever starts anew looks, see `relay_repair`. Raises Unavailable.
        """
        producer.poll(0)
        if self._were_all_away:
            self.close()
            raise Unavailable("kafka: all brokers were away; what they did is looked at again")

    def undo(self, topics: Iterable[str], position: RelayPosition) -> None:
        """Abort whatever is undecided of this lane in these topics, and in the position's.

        A marker ends the transaction that is open in a partition, whoever left it open under our
        name; so one record is written to each partition and aborted. Nobody ever reads it; the
        position's says `position`. Raises Unavailable or Halt.
        """
        producer = self._open()
        until = time.monotonic() + UNDO_WITHIN_S
        try:
            places: list[tuple[str, int]] = []
            for topic in topics:
                about = producer.list_topics(topic, timeout=_left_s(until)).topics[topic]
                places += [(topic, partition) for partition in about.partitions]
            producer.begin_transaction()
            producer.produce(self._topic, position.worded(), KEY, self._partition)
            for topic, partition in places:
                producer.produce(topic, b"", KEY, partition)
            if producer.flush(_left_s(until)):
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
            producer.abort_transaction(_left_s(until))
        except (KafkaException, SystemError) as error:
            self.close()
            raise translate(error, "undo", self._undelivered) from error
        # The abort is acknowledged before its markers are written.
        while self.position().undecided is not None:
            if time.monotonic() >= until:
                self.close()
                raise Unavailable("kafka: a transaction of the relay stays undecided")
            time.sleep(LOOK_EVERY_S)

    def close(self) -> None:
        """Throw the producer away, without waiting for anything.

        `Producer.close` waits for ever while Kafka does not answer; to let go of the object
        does not (both seen). A transaction that is open is aborted by the next publisher's
        start, or by Kafka after its time-out.
        """
        if self._producer is not None:
            self._producer.purge()
            self._producer = None

    def _open(self) -> Producer:
        if self._producer is None:
            raise Unavailable("kafka: this publisher failed before and was closed")
        return self._producer

    def _abort(self, producer: Producer, error: BaseException) -> None:
        """Free the readers at once where that is possible; else whoever starts next does."""
        cause = of_exception(error)
        if cause is not None and cause.txn_requires_abort():
            with suppress(KafkaException, SystemError):
                producer.abort_transaction(ABORT_WITHIN_S)
        self.close()

    def _on_error(self, error: KafkaError) -> None:
        """Trouble that the client mends by itself. Never raises."""
        if error.code() == ALL_AWAY:
            self._were_all_away = True

    def _on_delivery(self, error: KafkaError | None, report: Report) -> None:
        """Failures only. Never raises, and runs inside the producer's own calls."""
        if error is not None and len(self._undelivered) < UNDELIVERED_MAX:
            self._undelivered.append(Undelivered(report.topic() or "", error.code(), error.name()))


def _produce_patiently(producer: Producer, message: Message, until: float) -> None:
    """The local queue is full: let it empty, until the time for the transaction is over."""
    while time.monotonic() < until:
        producer.poll(0.02)
        try:
            producer.produce(message.topic, message.value, message.key, headers=message.headers)
        except BufferError:
            continue
        return
    raise KafkaException(KafkaError(KafkaError._QUEUE_FULL))  # noqa: SLF001


def _left_s(until: float) -> float:
    """At least a little: 0 would only ask, and a negative number waits for ever."""
    return max(0.1, until - time.monotonic())
