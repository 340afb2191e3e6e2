"""Create the topics that are missing, and say how the existing ones differ from the plan."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

from gamification.adapters.kafka.cluster import Kafka, reach
from gamification.adapters.kafka.topics import TopicPlan
from gamification.domain.errors import Halt, Unavailable

TIMEOUT_S: Final = 5.0

REFUSED: Final = frozenset(
    {
        KafkaError.INVALID_CONFIG,
        KafkaError.INVALID_PARTITIONS,
        KafkaError.INVALID_REPLICATION_FACTOR,
        KafkaError.POLICY_VIOLATION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_EXCEPTION,
    }
)
"""No retry mends these: the plan asks for what this cluster does not give."""


class Difference(NamedTuple):
    """One way in which a topic is not as planned, in words."""

    topic: str
    said: str


class Admin:
    """Raises Unavailable when the cluster does not answer in time, Halt when it refuses us."""

    def __init__(self, brokers: Kafka, timeout_s: float = TIMEOUT_S) -> None:
        # The client logs to standard error by itself; what matters is raised.
        self._client = AdminClient({**reach(brokers), "log_level": 0})
        self._timeout_s = timeout_s

    def create(self, plans: Sequence[TopicPlan]) -> tuple[str, ...]:
        """Create what is missing, and return those names. What exists is left as it is."""
        with _translated("list topics"):
            existing = self._client.list_topics(timeout=self._timeout_s).topics
        missing = [plan for plan in plans if plan.name not in existing]
        if not missing:
            return ()
        wanted = [
            NewTopic(
                plan.name,
                num_partitions=plan.partitions,
                replication_factor=plan.replication,
                config=dict(plan.config),
            )
            for plan in missing
        ]
        with _translated("create topics"):
            futures = self._client.create_topics(wanted, operation_timeout=self._timeout_s)
        created = []
        for name, future in futures.items():
            with _translated(f"create {name}"):
                try:
                    future.result(timeout=self._timeout_s)
                except KafkaException as error:
                    if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                        raise
                else:
                    created.append(name)
        return tuple(created)

    def differences(self, plans: Sequence[TopicPlan]) -> tuple[Difference, ...]:
        """Each way in which the cluster is not as planned."""
        with _translated("list topics"):
            existing = self._client.list_topics(timeout=self._timeout_s).topics
        found: list[Difference] = []
        for plan in plans:
            topic = existing.get(plan.name)
            if topic is None:
                found.append(Difference(plan.name, "missing"))
                continue
            partitions = len(topic.partitions)
            # More only moves customers between partitions once; fewer bounds the workers.
            if partitions < plan.partitions:
                found.append(
                    Difference(plan.name, f"{partitions} partitions, not {plan.partitions}")
                )
            replicas = min((len(p.replicas) for p in topic.partitions.values()), default=0)
            if replicas < plan.replication:
                found.append(Difference(plan.name, f"{replicas} replicas, not {plan.replication}"))
        found += self._config_differences([plan for plan in plans if plan.name in existing])
        return tuple(found)

    def _config_differences(self, plans: Sequence[TopicPlan]) -> Iterator[Difference]:
        if not plans:
            return
        resources = [ConfigResource(ResourceType.TOPIC, plan.name) for plan in plans]
        with _translated("describe topics"):
            futures = self._client.describe_configs(resources, request_timeout=self._timeout_s)
        answers = {resource.name: future for resource, future in futures.items()}
        for plan in plans:
            with _translated(f"describe {plan.name}"):
                config = answers[plan.name].result(timeout=self._timeout_s)
            for name, wanted in plan.config.items():
                is_value = config[name].value if name in config else "not set"
                if is_value != wanted:
                    yield Difference(plan.name, f"{name} is {is_value}, not {wanted}")


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        cause = error.args[0]
        if cause.code() in REFUSED:
            raise Halt(f"kafka: {doing}: {cause.name()}: {cause.str()}") from error
        raise Unavailable(f"kafka: {doing}: {cause.name()}") from error
    except TimeoutError as error:
        raise Unavailable(f"kafka: {doing}: no answer in time") from error
