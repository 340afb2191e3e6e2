"""`cache.invalidate` over real Kafka: every instance hears all of it, from its start on."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from functools import partial

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from deploy.devstack.server import Addresses
from gamification.adapters.kafka.invalidations import Invalidations
from gamification.adapters.kafka.schema_files import current
from gamification.adapters.postgres.session import EngineSession
from gamification.adapters.redis.connection import Address
from gamification.application.hear_invalidations import InvalidationListener
from gamification.application.import_translations import import_translations
from gamification.application.translate import Translator
from gamification.domain.errors import Unavailable
from gamification.wire.translation_file import Text
from tests import relays
from tests.relays import produce
from tests.servers import Topics
from tests.translators import WELCOME, Clock, put, translator
from tests.waiting import eventually, eventually_async

pytestmark = pytest.mark.servers

INVALIDATE = 7
"""Code of `cache.invalidate`."""


@pytest.fixture
def topic(kafka_topics: Topics) -> str:
    return kafka_topics.fresh("invalidate")


@pytest.fixture
def address(servers: Addresses, redis_url: str) -> Address:
    assert redis_url
    return Address(servers.redis_host, servers.redis_port)


@pytest.fixture
def ear(servers: Addresses, topic: str) -> Iterator[Invalidations]:
    with closing(Invalidations(servers.kafka_bootstrap, topic)) as one:
        yield one


def start(ear: Invalidations) -> None:
    """A topic that was made just now may have no leader yet: whoever listens tries again."""

    def started() -> bool:
        try:
            ear.start()
        except Unavailable:
            return False
        return True

    eventually(started)


def hears(ear: Invalidations, wanted: list[str]) -> None:
    heard: list[str] = []

    def all_of_it() -> None:
        heard.extend(ear.hear(0.1))
        assert heard == wanted

    eventually(all_of_it)


def test_it_hears_what_is_said_from_its_start_on(
    servers: Addresses, topic: str, ear: Invalidations
) -> None:
    produce(servers.kafka_bootstrap, topic, [b"x"], key=b"translations:badge.old:de")
    start(ear)

    produce(servers.kafka_bootstrap, topic, [b"x"], key=b"badge:m:c:welcome")
    produce(servers.kafka_bootstrap, topic, [b"x"], key=b"translations:badge.new:de")
    produce(servers.kafka_bootstrap, topic, [b"x"], key=b"\xff")
    produce(servers.kafka_bootstrap, topic, [b"x"], key=b"k" * 513)

    hears(ear, ["badge:m:c:welcome", "translations:badge.new:de", "\N{REPLACEMENT CHARACTER}"])


def test_each_instance_hears_everything(servers: Addresses, topic: str, ear: Invalidations) -> None:
    with closing(Invalidations(servers.kafka_bootstrap, topic)) as other:
        start(ear)
        start(other)

        produce(servers.kafka_bootstrap, topic, [b"x"], key=b"one")

        hears(ear, ["one"])
        hears(other, ["one"])


def test_a_topic_that_is_not_there_is_unavailable(servers: Addresses) -> None:
    with (
        closing(Invalidations(servers.kafka_bootstrap, "no.such.topic")) as ear,
        pytest.raises(Unavailable, match=r"no\.such\.topic"),
    ):
        ear.start()


def test_partitions_that_are_added_later_are_heard_from_their_beginning(
    servers: Addresses, kafka_topics: Topics
) -> None:
    topic, clock = kafka_topics.fresh("growing", partitions=1), Clock()
    with closing(Invalidations(servers.kafka_bootstrap, topic, clock)) as ear:
        start(ear)
        admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap, "log_level": 0})
        admin.create_partitions([NewPartitions(topic, 2)])[topic].result(15)
        eventually(partial(_says_into, servers, topic, 1))

        clock.now += 61

        hears(ear, ["late"])


def _says_into(servers: Addresses, topic: str, partition: int) -> None:
    producer = Producer({"bootstrap.servers": servers.kafka_bootstrap, "log_level": 0})
    about = producer.list_topics(topic, timeout=15).topics[topic]
    assert partition in about.partitions
    producer.produce(topic, b"x", b"late", partition=partition)
    assert producer.flush(15) == 0


@asynccontextmanager
async def listening(servers: Addresses, topic: str, one: Translator) -> AsyncIterator[None]:
    listener = InvalidationListener(partial(Invalidations, servers.kafka_bootstrap, topic), one)
    task = asyncio.create_task(listener.run())
    try:
        await asyncio.wait_for(listener.listening.wait(), 30)
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_an_import_reaches_every_instance_through_outbox_relay_and_kafka(
    servers: Addresses, database_dsn: str, address: Address, topic: str, kafka_topics: Topics
) -> None:
    """No clock moves here: without the announcement both would go on with the old text."""
    relays.do(database_dsn, relays.RENAME, topic, INVALIDATE)
    lane = relays.lane()
    kafka_topics.create(lane.position_topic, partitions=1)
    put(database_dsn, (WELCOME, "en", "1.0.0", "Welcome"))

    def bring_news() -> None:
        texts = [Text(WELCOME, "en", "1.1.0", "Hello"), Text(WELCOME, "de", "1.1.0", "Hallo")]
        with closing(EngineSession(database_dsn, "tests")) as session:
            import_translations(session, texts, lambda: time.time_ns() // 1_000_000)
        relay = relays.make_relay(
            database_dsn,
            servers.kafka_bootstrap,
            lane,
            id_of=lambda _topic, _text: 1,
            versions={topic: [current()["cache.invalidate"]]},
        )
        relays.turn_until(relay, database_dsn, relays.last_id(database_dsn))
        relay.recover()

    async def story() -> None:
        async with (
            translator(database_dsn, address) as one,
            translator(database_dsn, address) as other,
            listening(servers, topic, one),
            listening(servers, topic, other),
        ):
            for each in (one, other):
                assert (await each.name(WELCOME, "de")).text == "Welcome"
            await asyncio.to_thread(bring_news)

            async def both_know() -> None:
                for each in (one, other):
                    assert (await each.name(WELCOME, "de")).text == "Hallo"
                    assert (await each.name(WELCOME, "en")).text == "Hello"

            await eventually_async(both_know)

    asyncio.run(story())


@pytest.mark.parametrize("key", [b"translations:badge.welcome", b"translations:badge.welcome:en"])
def test_anybody_may_say_that_a_text_changed(
    servers: Addresses, database_dsn: str, address: Address, topic: str, key: bytes
) -> None:
    put(database_dsn, (WELCOME, "en", "1.0.0", "Welcome"))

    async def story() -> None:
        async with translator(database_dsn, address) as one, listening(servers, topic, one):
            assert (await one.name(WELCOME, "en")).text == "Welcome"
            put(database_dsn, (WELCOME, "en", "1.1.0", "Hello"))
            for said in (b"\xff", b"translations:", b"translations:A:de", b"badge:x", key):
                await asyncio.to_thread(produce, servers.kafka_bootstrap, topic, [b"?"], said)

            async def knows() -> bool:
                return (await one.name(WELCOME, "en")).text == "Hello"

            await eventually_async(knows)

    asyncio.run(story())
