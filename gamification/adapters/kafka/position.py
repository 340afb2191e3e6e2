"""How far the relay is, as Kafka keeps it: an offset with metadata, of a group of its own.

The group never subscribes to anything: a consumer that joined it, or a plain commit, would erase
the metadata.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from gamification.adapters.kafka.publish_errors import translate
from gamification.domain.errors import Halt

READ_WITHIN_S: Final = 4.0

CLIENT: Final[dict[str, str | int | float | bool]] = {
    "log_level": 2,  # what matters is raised
    # A request that gets no answer holds `send_offsets_to_transaction` up for this long,
    # whatever time-out that is given (seen).
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


class PositionKeeper:
    """Reads the position, and words it for a transaction that moves it. Connects when asked."""

    def __init__(self, brokers: str, topic: str, group: str) -> None:
        self._topic = topic
        self._group = group
        self._consumer = Consumer(
            {
                **CLIENT,
                "bootstrap.servers": brokers,
                "group.id": group,
                "enable.auto.commit": False,
                # Waits for an undecided transaction instead of showing what was before it.
                "isolation.level": "read_committed",
            }
        )

    def read(self) -> RelayPosition | None:
        """What the last committed transaction said; None when there is none, or it expired.

        Raises Unavailable, and Halt when somebody else committed for our group.
        """
        try:
            [found] = self._consumer.committed([TopicPartition(self._topic, 0)], READ_WITHIN_S)
            if found.error is not None:
                raise KafkaException(found.error)
        except KafkaException as error:
            raise translate(error, "read the position") from error
        if found.offset < 0:
            return None
        try:
            said = json.loads(found.metadata or "")
            return RelayPosition(int(said["id"]), str(said["incarnation"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Halt(
                f"kafka: group {self._group} has an offset on {self._topic} without the relay's "
                "own words: somebody else committed for this group"
            ) from error

    def worded(self, position: RelayPosition) -> tuple[TopicPartition, Any]:
        """The position as a transaction takes it."""
        said = json.dumps({"id": position.last_id, "incarnation": position.incarnation})
        offset = TopicPartition(self._topic, 0, position.last_id, metadata=said)
        return offset, self._consumer.consumer_group_metadata()

    def close(self) -> None:
        self._consumer.close()
