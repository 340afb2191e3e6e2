"""What readers of committed records see of some topics, and whether anything holds them up."""

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from typing import Final, TypeAlias

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from gamification.adapters.kafka.position import CLIENT
from gamification.domain.errors import Unavailable

READ_WITHIN_S: Final = 30.0
POLL_S: Final = 0.5
AT_ONCE: Final = 2_000
ASK_WITHIN_S: Final = 4.0

COMMITTED: Final = IsolationLevel.READ_COMMITTED
ANY: Final = IsolationLevel.READ_UNCOMMITTED
END: Final[OffsetSpec] = OffsetSpec.latest()  # type: ignore[no-untyped-call]

Content: TypeAlias = tuple[str, bytes | None, bytes | None]
"""Topic, key and value."""


def since(brokers: str, topics: Iterable[str], from_ms: int) -> Counter[Content]:
    """How often each content is there, among records with a timestamp from `from_ms` on.

    `from_ms`: milliseconds since 1970. Raises Unavailable.
    """
    until_s = time.monotonic() + READ_WITHIN_S
    consumer = Consumer(
        {
            **CLIENT,
            "bootstrap.servers": brokers,
            "group.id": "gamification.relay.visible",  # demanded, never joined
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 10,
        }
    )
    with closing(consumer):
        try:
            starts = _starts(consumer, topics, from_ms, until_s)
            return _read(consumer, starts, until_s)
        except KafkaException as error:
            raise Unavailable(f"kafka: read what is there: {error.args[0].name()}") from error


def hangs(brokers: str, topics: Iterable[str]) -> bool:
    """Whether some partition ends with records of which it is not decided that they count.

    Raises Unavailable.
    """
    admin = AdminClient({**CLIENT, "bootstrap.servers": brokers})
    try:
        known = admin.list_topics(timeout=ASK_WITHIN_S).topics
        places = [
            TopicPartition(topic, partition)
            for topic in topics
            if topic in known
            for partition in known[topic].partitions
        ]
        return bool(places) and _ends(admin, places, COMMITTED) != _ends(admin, places, ANY)
    except (KafkaException, TimeoutError) as error:
        raise Unavailable(f"kafka: ask for the ends of partitions: {error}") from error


def _ends(
    admin: AdminClient, places: list[TopicPartition], level: IsolationLevel
) -> dict[tuple[str, int], int]:
    answers = admin.list_offsets(
        dict.fromkeys(places, END), isolation_level=level, request_timeout=ASK_WITHIN_S
    )
    return {
        (tp.topic, tp.partition): told.result(ASK_WITHIN_S).offset for tp, told in answers.items()
    }


def _starts(
    consumer: Consumer, topics: Iterable[str], from_ms: int, until_s: float
) -> list[TopicPartition]:
    """Where records of that time begin; partitions without any are left out."""
    asked = [
        TopicPartition(topic, partition, from_ms)
        for topic in topics
        for partition in consumer.list_topics(topic, timeout=_left_s(until_s))
        .topics[topic]
        .partitions
    ]
    found = consumer.offsets_for_times(asked, timeout=_left_s(until_s)) if asked else []
    return [place for place in found if place.offset >= 0]


def _read(consumer: Consumer, starts: list[TopicPartition], until_s: float) -> Counter[Content]:
    seen: Counter[Content] = Counter()
    left = {(place.topic, place.partition) for place in starts}
    consumer.assign(starts)
    while left:
        if time.monotonic() >= until_s:
            raise Unavailable(f"kafka: {len(left)} partitions were not read in time")
        for message in consumer.consume(AT_ONCE, timeout=POLL_S):
            error = message.error()
            if error is None:
                seen[message.topic() or "", message.key(), message.value()] += 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - it is only there
                left.discard((message.topic() or "", message.partition() or 0))
            else:
                raise KafkaException(error)
    return seen


def _left_s(until_s: float) -> float:
    return max(0.1, until_s - time.monotonic())
