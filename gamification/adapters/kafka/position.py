"""How far a lane of the relay is, as Kafka keeps it: the last record of a partition of its own.

The record is part of the transaction whose rows it speaks of, so both are seen or neither. The
topic is compacted: the position never expires. An offset of a consumer group is the usual place
for such a thing, but `send_offsets_to_transaction` may never return when the group's coordinator
dies (librdkafka issues 5456 and 5511, open in 2.16), and a record shows what is undecided.
"""

import json
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from gamification.adapters.kafka.cluster import Kafka, reach
from gamification.adapters.kafka.publish_errors import translate
from gamification.domain.errors import Halt, Unavailable

READ_WITHIN_S: Final = 4.0
KEY: Final = b"position"
TAIL: Final = 16
"""How many offsets before the end are looked at first; a transaction takes two of them."""
FURTHER_BACK: Final = 16
"""How much further back the next look goes, when there were aborted transactions only."""

CLIENT: Final[dict[str, str | int | float | bool]] = {
    "log_level": 2,  # what matters is raised
    # A request that gets no answer holds everything behind it up for this long.
    "socket.timeout.ms": 4_000,
    "socket.nagle.disable": True,
    # 10 s by default: so long a pause may follow on the end of an outage.
    "reconnect.backoff.max.ms": 500,
}


@dataclass(frozen=True, slots=True)
class RelayPosition:
    """Up to which outbox id everything is published, and of which database."""

    last_id: int
    incarnation: str
    after: int | None = None
    """Rows in (after, last_id] were published by its transaction and the one before; None: it
    came alone, when all before it had been looked at."""
    began: int | None = field(default=None, compare=False)
    """Where its own transaction's rows begin; not worded."""

    def followed_by(self, last_id: int) -> "RelayPosition":
        """What the next transaction says.

        A broker may forget to end a transaction after it has acknowledged it, and the next one may
        be committed before anybody notices: so each tells where the one before it began.
        """
        after = self.last_id if self.began is None else self.began
        return RelayPosition(last_id, self.incarnation, after, self.last_id)

    def worded(self) -> bytes:
        """As the value of the record."""
        said = {"id": self.last_id, "after": self.after, "incarnation": self.incarnation}
        return json.dumps(said).encode()


class Found(NamedTuple):
    """What a partition of positions holds at its end."""

    position: RelayPosition | None
    """What the last committed transaction said; None when there never was one."""
    undecided: RelayPosition | None
    """What a transaction said that is neither committed nor aborted.

    After a producer of this lane has started there should be none. A broker that was killed may
    have left one all the same, see `relay_repair`.
    """


def read(brokers: Kafka, topic: str, partition: int) -> Found:
    """Raises Unavailable, and Halt when somebody else wrote into the partition."""
    place = TopicPartition(topic, partition)
    until_s = time.monotonic() + READ_WITHIN_S
    try:
        with closing(_Tail(brokers, place, "read_committed", until_s)) as committed:
            value, stable = committed.last()
        with closing(_Tail(brokers, place, "read_uncommitted", until_s)) as all_of_it:
            undecided, _end = all_of_it.last(not_before=stable)
    except KafkaException as error:
        raise translate(error, f"read the position from {topic}[{partition}]") from error
    return Found(_said(value, place), _said(undecided, place))


def _said(value: bytes | None, place: TopicPartition) -> RelayPosition | None:
    if value is None:
        return None
    try:
        said = json.loads(value)
        after = said["after"]
        return RelayPosition(
            int(said["id"]), str(said["incarnation"]), None if after is None else int(after)
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Halt(
            f"kafka: the last record of {place.topic}[{place.partition}] is not the relay's: "
            "somebody else wrote there"
        ) from error


class _Tail:
    """A consumer that belongs to no group and looks at a partition from its end."""

    def __init__(
        self, brokers: Kafka, place: TopicPartition, isolation: str, until_s: float
    ) -> None:
        self._place = place
        self._until = until_s
        self._consumer = Consumer(
            {
                **CLIENT,
                **reach(brokers),
                "group.id": "gamification.relay.position",  # demanded, never joined
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "isolation.level": isolation,
                "fetch.wait.max.ms": 10,
            }
        )

    def close(self) -> None:
        self._consumer.close()

    def last(self, not_before: int = 0) -> tuple[bytes | None, int]:
        """The value of the last record from `not_before` on, and the end of what may be read.

        At read_committed that is the last stable offset: where the first undecided transaction
        begins. Raises KafkaException, Unavailable.
        """
        low, end = self._consumer.get_watermark_offsets(self._place, timeout=self._left_s())
        low = max(low, not_before)
        back = TAIL
        while True:
            start = max(low, end - back)
            found = self._last_from(start, end)
            if found is not None or start <= low:
                return found, end
            back *= FURTHER_BACK

    def _last_from(self, start: int, end: int) -> bytes | None:
        """Of those from `start` on, when everything before `end` has been looked at."""
        self._consumer.assign([TopicPartition(self._place.topic, self._place.partition, start)])
        found: bytes | None = None
        at = start
        while at < end:
            if time.monotonic() >= self._until:
                raise Unavailable(f"kafka: read the position: {end - at} records left, no answer")
            message = self._consumer.poll(self._left_s())
            if message is None:
                continue
            error = message.error()
            if error is None:
                found = message.value() or b""
                at = (message.offset() or 0) + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - it is only there
                # Before the end after all, while a new leader learns how far its log counts.
                at = message.offset() or 0
            else:
                raise KafkaException(error)
        return found

    def _left_s(self) -> float:
        return max(0.1, self._until - time.monotonic())
