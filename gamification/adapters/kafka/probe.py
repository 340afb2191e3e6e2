"""Does Kafka answer? For readiness, on a connection of its own."""

from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from gamification.domain.errors import Unavailable

ANSWER_WITHIN_S: Final = 1.5


class KafkaProbe:
    """Connects when first asked. Not for several threads at once."""

    def __init__(self, brokers: str) -> None:
        self._brokers = brokers
        self._client: AdminClient | None = None

    def check(self) -> None:
        """Raises Unavailable."""
        if self._client is None:
            self._client = AdminClient({"bootstrap.servers": self._brokers, "log_level": 2})
        try:
            # Asking for one topic that every cluster has; all of them would be a large answer.
            self._client.list_topics("__consumer_offsets", timeout=ANSWER_WITHIN_S)
        except KafkaException as error:
            raise Unavailable(f"kafka: {error.args[0].name()}") from error
