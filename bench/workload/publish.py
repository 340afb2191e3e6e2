"""Sends deliveries to Kafka as an upstream service would, with plain confluent-kafka."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from confluent_kafka import KafkaError, Message, Producer

from bench.workload.delivery import Delivery, SentBad
from bench.workload.writer import WriterSchemas
from gamification.domain.activity import Kind

POLL_EVERY: Final = 500
FLUSH_S: Final = 60
MESSAGE_BYTES_MAX: Final = 8 << 20


@dataclass(slots=True)
class Sent:
    """What was published, for the report and for the checker."""

    by_topic: Counter[str] = field(default_factory=Counter)
    bad: list[SentBad] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.by_topic.total()

    def __iadd__(self, other: "Sent") -> Self:
        self.by_topic += other.by_topic
        self.bad += other.bad
        return self


def producer(kafka_bootstrap: str, linger_ms: int = 20) -> Producer:
    """Set up for order within a customer: murmur2 puts a key where Java's clients put it.

    `linger_ms`: how long a record waits for company; many together are cheaper.
    """
    return Producer(
        {
            "bootstrap.servers": kafka_bootstrap,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "linger.ms": linger_ms,
            "compression.type": "lz4",
            "message.max.bytes": MESSAGE_BYTES_MAX,
            "queue.buffering.max.messages": 50_000,
            "log_level": 0,
        }
    )


def publish(
    deliveries: Iterable[Delivery],
    kafka_bootstrap: str,
    schemas: WriterSchemas,
    progress: Callable[[int], None] | None = None,
    *,
    stored_within_s: float = FLUSH_S,
) -> Sent:
    """Returns when all of them are stored. Raises RuntimeError when Kafka refuses one.

    `progress` is told now and then how many were sent. `stored_within_s`: after the last one.
    """
    sent = Sent()
    client = producer(kafka_bootstrap)
    for number, delivery in enumerate(deliveries):
        _send(client, delivery, schemas, sent)
        sent.by_topic[delivery.topic] += 1
        if number % POLL_EVERY == 0:
            client.poll(0)
            if progress is not None:
                progress(number)
    left = client.flush(stored_within_s)
    if left:
        raise RuntimeError(f"Kafka did not store {left} records within {stored_within_s} s")
    return sent


def _send(client: Producer, delivery: Delivery, schemas: WriterSchemas, sent: Sent) -> None:
    value: bytes | None = schemas.encode(delivery.schema, delivery.datum)
    if delivery.fault is not None and delivery.fault.spoil is not None:
        value = delivery.fault.spoil(value or b"", schemas.hostile_id)

    def stored(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            raise RuntimeError(f"Kafka refused a record for {delivery.topic}: {error}")
        if delivery.fault is not None:
            sent.bad.append(_as_stored(message, delivery, value, schemas))

    while True:
        try:
            client.produce(
                delivery.topic,
                value,
                delivery.key,
                timestamp=delivery.timestamp_ms,
                headers=list(delivery.headers),
                on_delivery=stored,
            )
        except BufferError:
            client.poll(0.1)
        else:
            return


def _as_stored(
    message: Message, delivery: Delivery, value: bytes | None, schemas: WriterSchemas
) -> SentBad:
    assert delivery.fault is not None  # noqa: S101  # asked for bad records only
    readable = delivery.fault.spoil is None
    if readable and delivery.schema == Kind.CUSTOMER_UPDATED:
        value = schemas.encode(delivery.schema, {**delivery.datum, "email": ""})
    return SentBad(
        topic=delivery.topic,
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        timestamp_ms=delivery.timestamp_ms,
        key=delivery.key,
        letter_value=value,
        fault=delivery.fault,
    )
