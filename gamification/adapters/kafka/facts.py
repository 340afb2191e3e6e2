"""What somebody wants to know of Kafka who was woken at night. Changes nothing, joins nothing."""

from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from gamification.adapters.kafka.bounds import Partition, Span, spans
from gamification.adapters.kafka.cluster import Kafka, reach
from gamification.domain.errors import Unavailable


class ClusterFacts(NamedTuple):
    """Brokers that are there."""

    brokers: int


class KafkaFacts:
    """For one thread. Every request may take `within_s`. Raises Unavailable."""

    def __init__(self, brokers: Kafka, within_s: float) -> None:
        self._client = AdminClient({**reach(brokers), "log_level": 0})
        self._within_s = within_s

    def cluster(self) -> ClusterFacts:
        try:
            told = self._client.list_topics(timeout=self._within_s)
        except KafkaException as error:
            raise Unavailable(f"kafka: {error.args[0].name()}") from error
        return ClusterFacts(len(told.brokers))

    def spans(self, topics: Iterable[str]) -> dict[Partition, Span]:
        """Of those of the topics that exist."""
        try:
            known = self._client.list_topics(timeout=self._within_s).topics
        except KafkaException as error:
            raise Unavailable(f"kafka: {error.args[0].name()}") from error
        places = [
            (topic, partition)
            for topic in topics
            if topic in known
            for partition in known[topic].partitions
        ]
        return spans(self._client, places, self._within_s)

    def members(self, group: str) -> int | None:
        """How many have joined the group; None when the cluster does not say."""
        try:
            asked = self._client.describe_consumer_groups([group], request_timeout=self._within_s)
            return len(asked[group].result(self._within_s).members)
        except KafkaException as error:
            unknown = error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND
            return 0 if unknown else None
        except TimeoutError as error:
            raise Unavailable("kafka: no answer in time") from error
