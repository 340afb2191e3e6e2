"""What readers of committed records see of some topics, and whether anything holds them up."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from gamification.adapters.kafka.bounds import Partition, checked, spans
from gamification.adapters.kafka.cluster import Kafka, reach
from gamification.adapters.kafka.message import record_of
from gamification.adapters.kafka.position import CLIENT
from gamification.domain.errors import Unavailable
from gamification.wire.dead_letter import LETTER_ID, ORIGIN_OFFSET, ORIGIN_PARTITION, ORIGIN_TOPIC
from gamification.wire.envelope import Headers
from gamification.wire.outbox_id import row_of
from gamification.wire.read import HEADER_BYTES

READ_WITHIN_S: Final = 30.0
POLL_S: Final = 0.5
AT_ONCE: Final = 2_000
BACK: Final = 200
"""How many offsets before the end of a partition are read first."""
FURTHER_BACK: Final = 8
"""Times so many, when that was not enough."""
ASK_WITHIN_S: Final = 4.0

OF_LETTERS: Final = frozenset({ORIGIN_TOPIC, ORIGIN_PARTITION, ORIGIN_OFFSET, LETTER_ID})

COMMITTED: Final = IsolationLevel.READ_COMMITTED
ANY: Final = IsolationLevel.READ_UNCOMMITTED
END: Final[OffsetSpec] = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Rows(NamedTuple):
    """Those with ids in (after, up_to]."""

    incarnation: str | None
    """Of the database; None: of whichever."""
    after: int
    up_to: int


def rows(brokers: Kafka, topics: Iterable[str], wanted: Rows) -> dict[tuple[str, int], list[int]]:
    """By topic and id, for each time that the row is there what `fingerprint` says of the record.

    Raises Unavailable.

    In a partition the ids grow, as in the outbox; so it is read from further and further before
    its end, until the first record is of a row before those. Clocks play no part in it. Only where
    a person has let a lane begin further back, a repetition may lie before that.
    """
    until_s = time.monotonic() + READ_WITHIN_S
    seen: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    try:
        admin = AdminClient({**CLIENT, **reach(brokers)})
        left = spans(admin, _partitions(admin, topics), ASK_WITHIN_S)
        with closing(_reader(brokers)) as reader:
            back = BACK
            while left:
                starts = {place: max(span.first, span.end - back) for place, span in left.items()}
                for place, found in _read(reader, starts, wanted.incarnation, until_s).items():
                    if starts[place] == left[place].first or _reaches(found, wanted.after):
                        for row, said in found:
                            if wanted.after < row <= wanted.up_to:
                                seen[place[0], row].append(said)
                        del left[place]
                back *= FURTHER_BACK
    except KafkaException as error:
        raise Unavailable(f"kafka: read what is there: {error.args[0].name()}") from error
    return dict(seen)


def fingerprint(key: bytes | None, value: bytes | None, headers: Headers = ()) -> int:
    """Of what a record says, for comparisons within this process. `value`: without schema id.

    A letter is known by its headers: its bytes may be gone by now.
    """
    letter = tuple(value for name, value in headers if name in OF_LETTERS)
    return hash(letter or (key, value))


def hangs(brokers: Kafka, topics: Iterable[str]) -> bool:
    """Whether some partition ends with records of which it is not decided that they count.

    Raises Unavailable.
    """
    admin = AdminClient({**CLIENT, **reach(brokers)})
    try:
        places = [TopicPartition(*place) for place in _partitions(admin, topics)]
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
        (tp.topic, tp.partition): checked(answer.result(ASK_WITHIN_S).offset)
        for tp, answer in answers.items()
    }


def _reaches(found: Sequence[tuple[int, int]], after: int) -> bool:
    """Whether the records before these are all of older rows."""
    return bool(found) and found[0][0] <= after


def _partitions(admin: AdminClient, topics: Iterable[str]) -> list[Partition]:
    """Of those topics that there are. Raises KafkaException."""
    known = admin.list_topics(timeout=ASK_WITHIN_S).topics
    return [
        (topic, number) for topic in topics if topic in known for number in known[topic].partitions
    ]


def _reader(brokers: Kafka) -> Consumer:
    return Consumer(
        {
            **CLIENT,
            **reach(brokers),
            "group.id": "gamification.relay.visible",  # demanded, never joined
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 10,
        }
    )


def _read(
    reader: Consumer, starts: Mapping[Partition, int], incarnation: str | None, until_s: float
) -> dict[Partition, list[tuple[int, int]]]:
    """Ids and fingerprints of rows in each partition from there to its end, in its order.

    Raises KafkaException, Unavailable.
    """
    found: dict[Partition, list[tuple[int, int]]] = {place: [] for place in starts}
    left = set(starts)
    reader.assign([TopicPartition(*place, offset) for place, offset in starts.items()])
    while left:
        if time.monotonic() >= until_s:
            raise Unavailable(f"kafka: {len(left)} partitions were not read in time")
        for message in reader.consume(AT_ONCE, timeout=POLL_S):
            error = message.error()
            place = message.topic() or "", message.partition() or 0
            if error is None:
                record = record_of(message)
                row = row_of(record.headers, incarnation)
                if row is not None:
                    body = (record.value or b"")[HEADER_BYTES:]
                    said = fingerprint(record.key, body, record.headers)
                    found[place].append((row, said))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - it is only there
                left.discard(place)
            else:
                raise KafkaException(error)
    return found
