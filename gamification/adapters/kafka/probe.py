"""Does Kafka answer? For readiness, on a connection of its own."""

from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from gamification.adapters.kafka.cluster import Kafka, reach
from gamification.domain.errors import Unavailable

ANSWER_WITHIN_S: Final = 1.5
REFUSED: Final = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL})  # noqa: SLF001
"""Where librdkafka puts them. A question that fails for these only says that nobody answered."""


class KafkaProbe:
    """Connects when first asked. Not for several threads at once."""

    def __init__(self, brokers: Kafka) -> None:
        self._brokers = brokers
        self._client: AdminClient | None = None
        self._refusal = ""

    def check(self) -> None:
        """Raises Unavailable."""
        if self._client is None:
            said: dict[str, Any] = {**reach(self._brokers), "error_cb": self._on_error}
            self._client = AdminClient({**said, "log_level": 2})
        self._refusal = ""
        try:
            # Asking for one topic that every cluster has; all of them would be a large answer.
            self._client.list_topics("__consumer_offsets", timeout=ANSWER_WITHIN_S)
        except KafkaException as error:
            self._client.poll(0)
            why = self._refusal or error.args[0].name()
            raise Unavailable(f"kafka: {why}") from error

    def _on_error(self, error: KafkaError) -> None:
        """Runs inside the client's calls. Never raises."""
        if error.code() in REFUSED:
            self._refusal = f"{error.name()}: {error.str()}"
