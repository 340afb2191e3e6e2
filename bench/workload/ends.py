"""Where partitions begin and end, also right after their topics were created."""

import time
from collections.abc import Iterable
from contextlib import closing
from typing import Final, TypeAlias

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

ASK_WITHIN_S: Final = 10
LEADERS_WITHIN_S: Final = 30
AGAIN_AFTER_S: Final = 0.2
READ_WITHIN_S: Final = 20
AT_ONCE: Final = 1000
READER: Final = {
    "group.id": "ends",  # demanded, never joined
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
}
NO_LEADER_YET: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)

Place: TypeAlias = tuple[str, int]
"""A topic and the number of a partition."""


class Ends:
    """Asks the brokers of one cluster."""

    def __init__(self, kafka_bootstrap: str) -> None:
        self._client: dict[str, str | int | float | bool] = {
            "bootstrap.servers": kafka_bootstrap,
            "log_level": 0,
        }
        self._kafka = AdminClient(self._client)

    def places(self, topics: Iterable[str]) -> list[Place]:
        """Every partition of those of `topics` that exist."""
        known = self._kafka.list_topics(timeout=ASK_WITHIN_S).topics
        return [
            (topic, partition)
            for topic in topics
            if topic in known
            for partition in known[topic].partitions
        ]

    def first(self, places: Iterable[Place]) -> dict[Place, int]:
        """The oldest offset that each still has."""
        return self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def next(self, places: Iterable[Place]) -> dict[Place, int]:
        """The offset that each one's next record gets."""
        return self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def records(self, place: Place, offset: int) -> int:
        """How many committed records there are from this offset on. Raises KafkaException."""
        consumer = Consumer({**self._client, **READER})
        deadline = time.monotonic() + READ_WITHIN_S
        found = 0
        with closing(consumer):
            consumer.assign([TopicPartition(*place, offset)])
            while time.monotonic() < deadline:
                for message in consumer.consume(AT_ONCE, timeout=AGAIN_AFTER_S):
                    error = message.error()
                    if error is None:
                        found += 1
                    elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - only there
                        return found
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - as above

    def _offsets(self, places: Iterable[Place], which: OffsetSpec) -> dict[Place, int]:
        """A new partition has no leader for a moment. Raises KafkaException when it stays so."""
        asked = {TopicPartition(*place): which for place in places}
        deadline = time.monotonic() + LEADERS_WITHIN_S
        while True:
            answers = self._kafka.list_offsets(asked, request_timeout=ASK_WITHIN_S)
            try:
                found = {
                    (place.topic, place.partition): answer.result(ASK_WITHIN_S).offset
                    for place, answer in answers.items()
                }
                if min(found.values(), default=0) >= 0:
                    return found
                # A broker that is being stopped may answer without an error and without an offset.
                raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
            except KafkaException as error:
                if error.args[0].code() not in NO_LEADER_YET or time.monotonic() > deadline:
                    raise
            time.sleep(AGAIN_AFTER_S)
            self._kafka.list_topics(timeout=ASK_WITHIN_S)  # the client asks again who leads
