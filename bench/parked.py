"""Many parked dead letters at once: in `gamification.dlq`, and in the index over it.

They are as the award worker and the relay would have left them, of valid activities, written
evenly over some days; only quicker made.
"""

import time
from datetime import UTC, datetime
from typing import Final, NamedTuple

import psycopg
from confluent_kafka import KafkaError, Message, Producer

from bench.points import MERCHANT, TOPIC, customer_text, points
from bench.workload import WriterSchemas
from gamification.domain.errors import Reason
from gamification.domain.ids import EventId, MerchantId, uuid_text
from gamification.wire.dead_letter import DLQ_TOPIC, headers_of, letter_id, outbox_row
from gamification.wire.envelope import DeadLetter, Position

DAYS: Final = 7
SMALL: Final = MerchantId(bytes.fromhex("5ca11000000040008000000000000001"))
SMALL_OF: Final = 100
"""Letters of the small merchant, among however many."""
POISON_EVERY: Final = 10
PUBLISHED_AFTER_MS: Final = 40
"""A letter is in the topic so much later than in the index."""
PARTITIONS_OF_INPUT: Final = 12
POOL: Final = 10_000
"""Customers whose letters they are."""
FLUSH_S: Final = 120

COPY: Final = """
    COPY dead_letters (merchant_id, id, event_id, origin_topic, origin_partition, origin_offset,
                       reason, detail, attempts, first_failed_at, created_at) FROM STDIN
"""


class Parked(NamedTuple):
    """What was parked, and how long that took."""

    letters: int
    oldest_id: str
    newest_id: str
    seconds: float


class _Maker:
    """The n-th of `letters` letters."""

    def __init__(self, letters: int, schemas: WriterSchemas) -> None:
        self._letters = letters
        self._schemas = schemas
        self._until_ms = time.time_ns() // 1_000_000 - 1_000
        self._spread_ms = DAYS * 24 * 3_600_000
        self._small_every = max(1, letters // SMALL_OF)

    def written_ms(self, number: int) -> int:
        return self._until_ms - self._spread_ms * (self._letters - number) // self._letters

    def letter(self, number: int) -> DeadLetter:
        written_ms = self.written_ms(number)
        owner = SMALL if number % self._small_every == 0 else MERCHANT
        customer = customer_text(number % POOL)
        datum = {
            **points(f"letter {number}", customer, 1, written_ms),
            "merchant_id": uuid_text(owner),
        }
        at = Position(TOPIC, number % PARTITIONS_OF_INPUT, number // PARTITIONS_OF_INPUT)
        return DeadLetter(
            origin=at,
            origin_timestamp_ms=written_ms,
            source=at,
            key=customer.encode(),
            value=self._schemas.encode(TOPIC, datum),
            by_reference=False,
            reason=Reason.POISON if number % POISON_EVERY == 0 else Reason.UNKNOWN_SCHEMA,
            detail="schema id: the registry has none by that number",
            attempts=1,
            first_failed_ms=written_ms,
            traceparent=None,
            event_id=EventId(bytes.fromhex(str(datum["event_id"]).replace("-", ""))),
            merchant_id=owner,
        )


def park(dsn: str, kafka: str, schemas: WriterSchemas, letters: int) -> Parked:
    """Into an empty table and an empty topic. Raises RuntimeError when Kafka refuses one."""
    begun = time.monotonic()
    maker = _Maker(letters, schemas)
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "linger.ms": 20,
            "delivery.report.only.error": True,
            "on_delivery": _must_be_stored,
            "log_level": 0,
        }
    )
    ids = []
    with psycopg.connect(dsn) as database, database.cursor() as cursor, cursor.copy(COPY) as copy:
        for number in range(letters):
            letter = maker.letter(number)
            copy.write_row(_row(letter))
            _produce(producer, letter)
            if number in {0, letters - 1}:
                ids.append(letter_id(letter.origin, letter.attempts))
    if producer.flush(FLUSH_S):
        raise RuntimeError("Kafka did not store every letter")
    with psycopg.connect(dsn, autocommit=True) as database:
        database.execute("VACUUM ANALYZE dead_letters")  # as autovacuum would, in days
    return Parked(letters, ids[0], ids[-1], time.monotonic() - begun)


def _row(letter: DeadLetter) -> tuple[str | int, ...]:
    moment = datetime.fromtimestamp(letter.origin_timestamp_ms / 1000, UTC).isoformat()
    return (
        uuid_text(letter.merchant_id or MERCHANT),
        letter_id(letter.origin, letter.attempts),
        uuid_text(letter.event_id or b""),
        letter.origin.topic,
        letter.origin.partition,
        letter.origin.offset,
        str(letter.reason),
        letter.detail,
        letter.attempts,
        moment,
        moment,
    )


def _produce(producer: Producer, letter: DeadLetter) -> None:
    said = headers_of(outbox_row(letter).letter or "")
    while True:
        try:
            producer.produce(
                DLQ_TOPIC,
                letter.value,
                letter.key,
                timestamp=letter.origin_timestamp_ms + PUBLISHED_AFTER_MS,
                headers=[*said, ("event_type", DLQ_TOPIC.encode())],
            )
        except BufferError:
            producer.poll(0.1)
        else:
            return


def _must_be_stored(error: KafkaError | None, _message: Message) -> None:
    if error is not None:
        raise RuntimeError(f"Kafka refused a letter: {error}")
