"""Servers that all measurements share, each with a database of its own and topics as it needs.

What the drains read is published once: a new database has counted nothing, so its workers read
the same records from the beginning.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from heapq import heappop, heappush
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any, Final

import psycopg
import redis
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.points import TOPIC
from bench.workload import Delivery, WriterSchemas, points_only, publish
from deploy.devstack.database import create_database, drop_database
from deploy.devstack.identity import Identity
from deploy.devstack.process import Process
from deploy.devstack.server import Addresses
from deploy.devstack.stack import Stack
from deploy.launch import Application
from gamification.adapters.kafka.topics import PRODUCED

SEED: Final = 7
EVENTS_EACH: Final = 5
"""Of one customer, on average; 500,000 events are those of 100,000 customers."""
DUPLICATES: Final = 0.1
ASK_WITHIN_S: Final = 30
TEMPLATE: Final = "bench_template"
REPEATED_WITHIN: Final = 5_000
"""Records between an event and its repetition, at most."""

NEW_IDENTITY: Final = "UPDATE incarnation SET id = gen_random_uuid()"

Places = dict[tuple[str, int], int]
"""Offsets by topic and partition."""


class Ground:
    """`folder` gets the workers' logs and is the caller's to remove."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self._loaded: tuple[int, int] | None = None
        drop_database(stack.addresses.postgres_dsn, TEMPLATE)
        dsn = create_database(stack.addresses.postgres_dsn, TEMPLATE)
        prepared = replace(stack.addresses, postgres_dsn=dsn)
        with Application(prepared, folder / "prepare") as application:
            application.prepare()
        self.schemas = WriterSchemas.from_registry(stack.addresses.registry_url)

    @property
    def kafka(self) -> str:
        return self.stack.addresses.kafka_bootstrap

    @property
    def server_processes(self) -> dict[str, Identity]:
        """Those that run as our processes; in containers, none."""
        servers = (each for each in self.stack.servers if isinstance(each, Process))
        return {each.name: each.identity for each in servers}

    @contextmanager
    def afresh(self, name: str, *, keep: bool = False) -> Iterator[Addresses]:
        """Tables as migrated, nothing in Redis, topics as they are. `keep`: until all is over."""
        server_dsn = self.stack.addresses.postgres_dsn
        drop_database(server_dsn, name)
        dsn = create_database(server_dsn, name, template=TEMPLATE)
        with psycopg.connect(dsn) as database:
            database.execute(NEW_IDENTITY)
        with closing(redis.Redis.from_url(self.stack.addresses.redis_url)) as client:
            client.flushall()
        try:
            yield replace(self.stack.addresses, postgres_dsn=dsn)
        finally:
            if not keep:
                drop_database(server_dsn, name)

    def load(self, events: int) -> int:
        """See that `points.earned` holds the drain's events; return how many records that are."""
        if self._loaded is not None and self._loaded[0] == events:
            return self._loaded[1]
        self.empty_topic()
        now_ms = time.time_ns() // 1_000_000
        customers = max(1, events // EVENTS_EACH)
        stream = points_only(SEED, events, customers, until_ms=now_ms, duplicates=0)
        print(f"publishing {events:,} events and their repetitions ...", flush=True)
        sent = publish(repeated(stream.main(), DUPLICATES), self.kafka, self.schemas)
        self._loaded = (events, sent.total)
        return sent.total

    def empty_topic(self, topic: str = TOPIC) -> None:
        """Delete what the measurements published; award workers begin behind it."""
        if topic == TOPIC:
            self._loaded = None
        admin = AdminClient({"bootstrap.servers": self.kafka, "log_level": 0})
        known = admin.list_topics(timeout=ASK_WITHIN_S).topics[topic]
        whole = [TopicPartition(topic, partition, OFFSET_END) for partition in known.partitions]
        deadline = time.monotonic() + ASK_WITHIN_S
        while True:
            try:
                for emptied in admin.delete_records(whole).values():
                    emptied.result(ASK_WITHIN_S)
            except KafkaException as error:
                made_just_now = error.args[0].code() == KafkaError.NOT_LEADER_FOR_PARTITION
                if not made_just_now or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    @contextmanager
    def reader(self, **settings: Any) -> Iterator[Consumer]:
        """A consumer of committed records that belongs to nobody; `_` in names stands for `.`."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.kafka,
                "group.id": "bench",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 0,
                **{name.replace("_", "."): value for name, value in settings.items()},
            }
        )
        with closing(consumer):
            yield consumer

    def ends(self, *topics: str) -> Places:
        """The offset behind the last committed record of every partition."""
        return self._offsets(topics or tuple(PRODUCED), 1)

    def firsts(self) -> Places:
        """The first offset of every partition of `points.earned`."""
        return self._offsets((TOPIC,), 0)

    def _offsets(self, topics: tuple[str, ...], which: int) -> Places:
        with self.reader() as consumer:
            known = consumer.list_topics(timeout=ASK_WITHIN_S).topics
            found: Places = {}
            for topic in topics:
                for partition in known[topic].partitions:
                    place = TopicPartition(topic, partition)
                    bounds = consumer.get_watermark_offsets(place, timeout=ASK_WITHIN_S)
                    found[topic, partition] = bounds[which]
        return found


def repeated(deliveries: Iterable[Delivery], share: float) -> Iterator[Delivery]:
    """Each one, and `share` of them again: half of those at once, half some time later.

    Evenly from the beginning to the end: a storm of duplicates at the end would be cheaper.
    """
    random = Random(SEED)
    later: list[tuple[int, int, Delivery]] = []
    for number, delivery in enumerate(deliveries):
        yield delivery
        if random.random() < share:
            wait = 0 if random.random() < 0.5 else random.randrange(REPEATED_WITHIN)
            heappush(later, (number + wait, number, delivery))
        while later and later[0][0] <= number:
            yield heappop(later)[2]
    yield from (delivery for *_, delivery in sorted(later, key=itemgetter(0)))
