"""Where the logs of partitions begin and end, as the brokers say now."""

import contextlib
from collections.abc import Iterable
from typing import Final, NamedTuple

from confluent_kafka import OFFSET_END, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from gamification.domain.errors import Unavailable

Partition = tuple[str, int]

FIRST: Final[OffsetSpec] = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
END: Final[OffsetSpec] = OffsetSpec.latest()  # type: ignore[no-untyped-call]


LEADERS_TIMEOUT_S: Final = 2.0


class Span(NamedTuple):
    """First offset that is still there, and the one that the next record gets."""

    first: int
    end: int


def spans(
    admin: AdminClient, partitions: Iterable[Partition], within_s: float
) -> dict[Partition, Span]:
    """Each request may take `within_s`; there are two. Raises Unavailable."""
    places = list(partitions)
    found: list[dict[Partition, int]] = []
    for spec in (FIRST, END):
        wanted = {TopicPartition(t, p): spec for t, p in places}
        try:
            answers = admin.list_offsets(wanted, request_timeout=within_s)
            found.append(
                {
                    (tp.topic, tp.partition): checked(answer.result(within_s).offset)
                    for tp, answer in answers.items()
                }
            )
        except (KafkaException, TimeoutError) as error:
            _ask_who_leads(admin, error)
            raise Unavailable(f"kafka: offsets of {named(places)}: {error}") from error
    firsts, ends = found
    return {place: Span(firsts[place], ends[place]) for place in places}


def checked(offset: int) -> int:
    """The same, if it is one. Raises Unavailable.

    A broker that is being stopped answers without an error and without an offset (-1001), seen
    with Kafka 4.3.1; taken for where a log ends, it would say that records are gone.
    """
    if offset < 0:
        raise Unavailable("kafka: the brokers do not know where a log begins or ends")
    return offset


def offset_since(place: TopicPartition) -> int | None:
    """Of an answer of `offsets_for_times`: None where nothing was written from then on.

    Raises KafkaException, and Unavailable as `checked` does.
    """
    if place.error is not None:
        raise KafkaException(place.error)
    return None if place.offset == OFFSET_END else checked(place.offset)


def _ask_who_leads(admin: AdminClient, error: KafkaException | TimeoutError) -> None:
    """Have the client forget what it thinks of the partitions' leaders.

    A broker that is just back tells the leaders' epochs of before. The client keeps these for
    minutes, and every later question is refused for them (FENCED_LEADER_EPOCH).
    """
    answered = isinstance(error, KafkaException) and error.args[0].code() > 0
    if answered:  # else Kafka is away, and this would only take longer
        with contextlib.suppress(KafkaException):
            admin.list_topics(timeout=LEADERS_TIMEOUT_S)


def named(partitions: Iterable[Partition]) -> str:
    """topic[0,3] other[1]: for people."""
    by_topic: dict[str, list[int]] = {}
    for topic, partition in sorted(partitions):
        by_topic.setdefault(topic, []).append(partition)
    return " ".join(f"{topic}[{','.join(map(str, ps))}]" for topic, ps in by_topic.items())
