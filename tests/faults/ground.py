"""The servers under all fault tests, and how each test finds them as if they were new.

Starting servers takes seconds and emptying them takes a part of one, so all tests use the same
ones, one after the other: each gets a database of its own, topics without records and an empty
Redis. Whatever a test did to a server is undone before the next one.
"""

import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import psycopg
import redis
from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.devstack.database import create_database, drop_database
from deploy.devstack.errors import DevstackError
from deploy.devstack.server import Addresses
from deploy.devstack.stack import Stack
from deploy.launch import Application
from gamification.adapters.kafka.topics import RELAY_TOPIC

PARTITIONS: Final = "4"
TEMPLATE: Final = "faults_template"
ASK_WITHIN_S: Final = 30

NEW_IDENTITY: Final = "UPDATE incarnation SET id = gen_random_uuid()"


class Ground:
    """Servers of the fault tests alone, with topics, schemas and a migrated template."""

    def __init__(self, stack: Stack, logs: Path) -> None:
        self.stack = stack
        self._numbers = itertools.count(1)
        dsn = create_database(stack.addresses.postgres_dsn, TEMPLATE)
        settings = {"GAMIFICATION_KAFKA_PARTITIONS": PARTITIONS}
        with Application(replace(stack.addresses, postgres_dsn=dsn), logs, settings) as application:
            application.prepare()

    @contextmanager
    def afresh(self) -> Iterator[Addresses]:
        """Addresses of servers that run, answer and hold nothing but the tables and topics."""
        self.revive()
        server_dsn = self.stack.addresses.postgres_dsn
        name = f"faults_{next(self._numbers)}"
        dsn = create_database(server_dsn, name, template=TEMPLATE)
        with psycopg.connect(dsn) as database:
            database.execute(NEW_IDENTITY)
        self._empty_redis()
        self._empty_topics()
        try:
            yield replace(self.stack.addresses, postgres_dsn=dsn)
        finally:
            self.revive()
            drop_database(server_dsn, name)

    def revive(self) -> None:
        """Every server runs and answers, whatever was done to it."""
        for server in self.stack.servers:
            with suppress(DevstackError):  # one that does not run cannot be resumed
                server.resume()
            server.start()

    def _empty_redis(self) -> None:
        with closing(redis.Redis.from_url(self.stack.addresses.redis_url)) as client:
            client.flushall()

    def _empty_topics(self) -> None:
        admin = AdminClient(
            {"bootstrap.servers": self.stack.addresses.kafka_bootstrap, "log_level": 0}
        )
        known = admin.list_topics(timeout=ASK_WITHIN_S).topics
        everything = [
            TopicPartition(topic, partition, OFFSET_END)
            for topic, about in known.items()
            if not topic.startswith("__") and topic != RELAY_TOPIC  # compacted: Kafka refuses
            for partition in about.partitions
        ]
        for emptied in admin.delete_records(everything).values():
            emptied.result(ASK_WITHIN_S)


def cut_connections(dsn: str, application_name: str = "gamification-%") -> int:
    """End the sessions of processes so named, in whatever they are doing; return how many."""
    with psycopg.connect(dsn, autocommit=True) as database:
        row = database.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE %s",
            (application_name,),
        ).fetchone()
    return int(row[0]) if row else 0


def deadlocks(dsn: str) -> int:
    """How many Postgres had to resolve in this database."""
    with psycopg.connect(dsn, autocommit=True) as database:
        database.execute("SELECT pg_stat_force_next_flush()")
        row = database.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    return int(row[0]) if row else 0


def in_transactions(dsn: str, application_name: str = "gamification-%") -> int:
    """How many sessions of processes so named are inside a transaction."""
    with psycopg.connect(dsn, autocommit=True) as database:
        row = database.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE %s AND xact_start IS NOT NULL",
            (application_name,),
        ).fetchone()
    return int(row[0]) if row else 0
