"""Names while what they come from is away: taken away for real, and back again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest

from deploy.devstack.database import create_database
from deploy.devstack.stack import Stack
from gamification.adapters.kafka.invalidations import Invalidations
from gamification.adapters.postgres.connection import connect
from gamification.adapters.postgres.migrate import migrate
from gamification.adapters.redis.connection import Address
from gamification.application.hear_invalidations import InvalidationListener
from gamification.application.translate import Name, Translator
from gamification.domain.errors import Unavailable
from tests.relays import produce
from tests.servers import Topics
from tests.translators import WELCOME, Clock, put, translator
from tests.waiting import eventually_async

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

Story = Callable[[Translator, Clock], Awaitable[None]]
DATABASE = "translations"


@pytest.fixture(scope="module")
def dsn(own_stack: Stack) -> str:
    made = create_database(own_stack.addresses.postgres_dsn, DATABASE)
    database = connect(made, "tests")
    try:
        migrate(database)
    finally:
        database.close()
    put(made, (WELCOME, "en", "1.0.0", "Welcome"), (WELCOME, "de", "1.0.0", "Willkommen"))
    return made


@pytest.fixture
def address(own_stack: Stack) -> Address:
    return Address(own_stack.addresses.redis_host, own_stack.addresses.redis_port)


@pytest.fixture(autouse=True)
def _all_back(own_stack: Stack) -> Iterator[None]:
    yield
    for server in (own_stack.kafka, own_stack.postgres, own_stack.redis):
        server.start()


def run(dsn: str, address: Address, story: Story) -> None:
    async def whole() -> None:
        clock = Clock()
        async with translator(dsn, address, clock) as one:
            await story(one, clock)

    asyncio.run(whole())


def test_without_postgres_what_a_cache_has_is_shown_and_the_rest_is_unavailable(
    own_stack: Stack, dsn: str, address: Address
) -> None:
    async def story(one: Translator, clock: Clock) -> None:
        assert await one.name(WELCOME, "de") == Name("Willkommen", "de")
        own_stack.postgres.stop()
        async with translator(dsn, address, clock) as other:
            assert await other.name(WELCOME, "de") == Name("Willkommen", "de"), "from Redis"
            clock.now += 12 * 3600
            assert await other.name(WELCOME, "de") == Name("Willkommen", "de"), "old, but there"
        own_stack.redis.stop()
        clock.now += 3
        assert await one.name(WELCOME, "de") == Name("Willkommen", "de"), "from this process"
        with pytest.raises(Unavailable, match="postgres"):
            await one.name("badge.other", "de")
        with pytest.raises(Unavailable, match="a moment ago"):
            await one.name("badge.other", "de")

        own_stack.postgres.start()
        own_stack.redis.start()
        clock.now += 3
        assert await one.name("badge.other", "de") == Name("Other", "en")
        assert await one.name(WELCOME, "de") == Name("Willkommen", "de")

    run(dsn, address, story)


def test_a_postgres_that_hangs_is_given_up_and_taken_up_again(
    own_stack: Stack, dsn: str, address: Address
) -> None:
    put(dsn, ("badge.slow", "en", "1.0.0", "Slow"), ("badge.quick", "en", "1.0.0", "Quick"))

    async def story(one: Translator, clock: Clock) -> None:
        assert (await one.name("badge.quick", "de")).text == "Quick"
        own_stack.postgres.pause()
        try:
            async with asyncio.timeout(20):
                with pytest.raises(Unavailable):
                    await one.name("badge.slow", "de")
                with pytest.raises(Unavailable, match="a moment ago"):
                    await one.name("badge.slow", "de")
                assert (await one.name("badge.quick", "de")).text == "Quick"
        finally:
            own_stack.postgres.resume()
        clock.now += 3
        assert (await one.name("badge.slow", "de")).text == "Slow"

    run(dsn, address, story)


def test_without_redis_postgres_is_asked(own_stack: Stack, dsn: str, address: Address) -> None:
    own_stack.redis.stop()

    async def story(one: Translator, _clock: Clock) -> None:
        assert await one.name(WELCOME, "de") == Name("Willkommen", "de")
        await one.drop([(WELCOME, "de")])
        assert await one.name(WELCOME, "de") == Name("Willkommen", "de")

    run(dsn, address, story)


def test_a_redis_that_hangs_costs_little(own_stack: Stack, dsn: str, address: Address) -> None:
    async def story(one: Translator, _clock: Clock) -> None:
        own_stack.redis.pause()
        try:
            async with asyncio.timeout(5):
                assert (await one.name(WELCOME, "de")).text == "Willkommen"
        finally:
            own_stack.redis.resume()

    run(dsn, address, story)


@asynccontextmanager
async def listening(
    own_stack: Stack, topic: str, one: Translator
) -> AsyncIterator[InvalidationListener]:
    make = partial(Invalidations, own_stack.addresses.kafka_bootstrap, topic)
    listener = InvalidationListener(make, one)
    task = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("how", ["killed while it listens", "away at the start"])
def test_without_kafka_names_go_on_and_it_is_heard_again_when_it_is_back(
    own_stack: Stack, dsn: str, address: Address, how: str
) -> None:
    bootstrap = own_stack.addresses.kafka_bootstrap
    topic = Topics(bootstrap).fresh("invalidate", partitions=1)
    key = f"badge.kafka.{'a' if 'start' in how else 'b'}"
    put(dsn, (key, "en", "1.0.0", "Old"))

    async def story(one: Translator, _clock: Clock) -> None:
        if how == "away at the start":
            await asyncio.to_thread(own_stack.kafka.kill)
        async with listening(own_stack, topic, one) as listener:
            if how == "killed while it listens":
                await asyncio.wait_for(listener.listening.wait(), 30)
                await asyncio.to_thread(own_stack.kafka.kill)
            assert (await one.name(key, "en")).text == "Old"
            put(dsn, (key, "en", "1.1.0", "New"))
            await asyncio.to_thread(own_stack.kafka.start)
            await asyncio.wait_for(listener.listening.wait(), 60)
            said = f"translations:{key}:en".encode()
            await asyncio.to_thread(produce, bootstrap, topic, [b"x"], said)

            async def knows() -> bool:
                return (await one.name(key, "en")).text == "New"

            await eventually_async(knows, within_s=60)

    run(dsn, address, story)
