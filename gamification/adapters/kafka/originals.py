"""Copy single records out of Kafka again: for dead letters whose bytes no table may hold."""

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from gamification.adapters.kafka.cluster import Kafka, reach
from gamification.adapters.kafka.position import CLIENT
from gamification.domain.errors import Unavailable
from gamification.wire.envelope import Position

FETCH_WITHIN_S: Final = 3.0
BYTES_MAX: Final = 8 * 1024 * 1024
"""Of originals fetched at once; the last one may go beyond."""
RECORDS_MAX: Final = 200
READ_ON_RECORDS_MAX: Final = 500
"""Up to so many records further on, reading is faster than jumping there."""
POLL_S: Final = 0.5

OUT_OF_RANGE: Final = frozenset(
    {
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - this is where librdkafka puts them
        KafkaError._PARTITION_EOF,  # noqa: SLF001
        KafkaError.OFFSET_OUT_OF_RANGE,
    }
)


class Original(NamedTuple):
    """A record's own bytes."""

    key: bytes | None
    value: bytes | None

    @property
    def size(self) -> int:
        return len(self.key or b"") + len(self.value or b"")


def fetch(
    brokers: Kafka, wanted: Sequence[Position], within_s: float = FETCH_WITHIN_S
) -> dict[Position, Original | None]:
    """The records at these positions; None for those that Kafka does not have any more.

    What the bounds on time, records and bytes did not allow is missing from the result: ask
    again for it. The first one wanted is never missing. Raises Unavailable when Kafka does not
    answer.
    """
    # The first one first, so that whoever asks again gets on; the others as they lie in Kafka.
    order = [*wanted[:1], *sorted(wanted[1:RECORDS_MAX])]
    reader = _Reader(brokers, time.monotonic() + within_s)
    found: dict[Position, Original | None] = {}
    size = 0
    try:
        for position in order:
            if position in found:
                continue
            if size >= BYTES_MAX or reader.is_late:
                break
            original = reader.read(position)
            found[position] = original
            size += original.size if original else 0
    except TimeoutError as error:
        if not found:
            raise Unavailable("kafka: read an original: no answer in time") from error
    except KafkaException as error:
        raise Unavailable(f"kafka: read an original: {error.args[0].name()}") from error
    finally:
        reader.close()
    return found


class _Reader:
    """A consumer that belongs to no group and follows the caller from place to place."""

    def __init__(self, brokers: Kafka, until: float) -> None:
        self._until = until
        self._at: Position | None = None
        """The next record that comes."""
        self._known: dict[str, set[int]] = {}
        self._consumer = Consumer(
            {
                **CLIENT,
                **reach(brokers),
                "group.id": "gamification.relay.originals",  # demanded, never joined
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "isolation.level": "read_uncommitted",  # it was read once: it is committed
                "fetch.wait.max.ms": 10,
                "fetch.queue.backoff.ms": 2,
                "queued.min.messages": 100,
                "queued.max.messages.kbytes": 4 * 1024,
            }
        )

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self._until

    def close(self) -> None:
        self._consumer.close()

    def read(self, wanted: Position) -> Original | None:
        """Raises TimeoutError, KafkaException."""
        if not self._is_near(wanted):
            if wanted.partition not in self._partitions(wanted.topic):
                return None
            self._consumer.assign([TopicPartition(*wanted)])
            self._at = wanted
        while not self.is_late:
            message = self._consumer.poll(min(POLL_S, self._left_s()))
            if message is None:
                continue
            if message.error() is not None:
                self._at = None
                if self._is_gone(message, wanted):
                    return None
                continue
            offset = message.offset() or 0
            self._at = wanted._replace(offset=offset + 1)
            if offset == wanted.offset:
                return Original(message.key(), message.value())
            if offset > wanted.offset:
                self._at = None  # what comes next may be wanted, and was just read over
                return None
        raise TimeoutError

    def _is_near(self, wanted: Position) -> bool:
        at = self._at
        return (
            at is not None
            and at[:2] == wanted[:2]
            and 0 <= wanted.offset - at.offset <= READ_ON_RECORDS_MAX
        )

    def _partitions(self, topic: str) -> set[int]:
        """Of a topic as it is now; none when it was deleted."""
        if topic not in self._known:
            told = self._consumer.list_topics(topic, timeout=self._left_s()).topics[topic]
            if told.error is not None and told.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise KafkaException(told.error)
            self._known[topic] = set(told.partitions)
        return self._known[topic]

    def _is_gone(self, message: Message, wanted: Position) -> bool:
        """Whether an error means that the record is not there. Asks the broker to be sure."""
        error = message.error()
        if error is None or error.code() not in OUT_OF_RANGE:
            return False
        place = TopicPartition(wanted.topic, wanted.partition)
        low, high = self._consumer.get_watermark_offsets(place, timeout=self._left_s())
        return not low <= wanted.offset < high

    def _left_s(self) -> float:
        return max(0.1, self._until - time.monotonic())
