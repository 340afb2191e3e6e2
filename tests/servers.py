"""Fixtures that give tests real servers: one stack for a run, started when a test first asks."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
import redis
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.devstack.database import create_database, drop_database
from deploy.devstack.server import Addresses
from deploy.devstack.stack import Stack
from deploy.devstack.start import start, start_private
from gamification.adapters.postgres.connection import connect
from gamification.adapters.postgres.migrate import migrate

KAFKA_WITHIN_S: Final = 15


@pytest.fixture(scope="session")
def servers() -> Iterator[Addresses]:
    """Where this run's servers are. Tests share them and must not stop them: see `own_stack`."""
    with start() as stack:
        yield stack.addresses


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """Servers of this test file alone, to stop, kill and freeze."""
    with start_private() as stack:
        yield stack


@pytest.fixture(scope="session")
def migrated_template(servers: Addresses) -> str:
    """A migrated database that nobody connects to, so that copies of it can be made."""
    name = f"template_{uuid.uuid4().hex}"
    database = connect(create_database(servers.postgres_dsn, name), "tests")
    try:
        migrate(database)
    finally:
        database.close()
    return name


@pytest.fixture
def database_dsn(servers: Addresses, migrated_template: str) -> Iterator[str]:
    """A migrated database of this test's own, empty otherwise, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    yield create_database(servers.postgres_dsn, name, template=migrated_template)
    drop_database(servers.postgres_dsn, name)


@pytest.fixture
def redis_url(servers: Addresses) -> str:
    """A Redis without any key."""
    client = redis.Redis.from_url(servers.redis_url)
    try:
        client.flushall()
    finally:
        client.close()
    return servers.redis_url


@dataclass(frozen=True, slots=True)
class Topics:
    """Makes topics on one cluster."""

    bootstrap: str

    def create(self, *names: str, partitions: int = 3) -> None:
        """Make those that do not exist yet; return when all can be used."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        wanted = [NewTopic(name, num_partitions=partitions) for name in names]
        for made in admin.create_topics(wanted, operation_timeout=KAFKA_WITHIN_S).values():
            try:
                made.result(KAFKA_WITHIN_S)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise

    def fresh(self, stem: str, partitions: int = 3) -> str:
        """Make a topic that no other test knows and return its name."""
        name = f"{stem}.{uuid.uuid4().hex}"
        self.create(name, partitions=partitions)
        return name


@pytest.fixture
def kafka_topics(servers: Addresses) -> Topics:
    return Topics(servers.kafka_bootstrap)


__all__: Final = [
    "database_dsn",
    "kafka_topics",
    "migrated_template",
    "own_stack",
    "redis_url",
    "servers",
]
