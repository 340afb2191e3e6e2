"""What somebody reads for a key: fall-backs, caches, and what is asked how often."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection

import pytest
import redis

from deploy.devstack.server import Addresses
from gamification.adapters.postgres.translation_reader import TranslationReader
from gamification.adapters.redis.connection import Address
from gamification.application.translate import Name, Translator
from tests.relays import end_sessions
from tests.translators import WELCOME, Clock, counted, put, translator

pytestmark = pytest.mark.servers

ENGLISH = (WELCOME, "en", "1.0.0", "Welcome")
GERMAN = (WELCOME, "de", "1.0.0", "Willkommen")


class Reader(TranslationReader):
    """Counts its questions, and holds an answer back when told to."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self.asked = 0
        self.has_read = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def newest(self, keys: Collection[str], locales: Collection[str]) -> dict[tuple[str, str], str]:
        self.asked += 1
        found = super().newest(keys, locales)
        self.has_read.set()
        assert self.may_answer.wait(30)
        return found


@pytest.fixture
def address(servers: Addresses, redis_url: str) -> Address:
    assert redis_url
    return Address(servers.redis_host, servers.redis_port)


@pytest.fixture
def reader(database_dsn: str) -> Reader:
    return Reader(database_dsn)


@pytest.fixture
def run(
    database_dsn: str, address: Address, reader: Reader
) -> Callable[[Callable[[Translator, Clock], Awaitable[None]]], None]:
    """Runs a story with one instance."""

    def run_it(story: Callable[[Translator, Clock], Awaitable[None]]) -> None:
        async def whole() -> None:
            clock = Clock()
            async with translator(database_dsn, address, clock, reader) as one:
                await story(one, clock)

        asyncio.run(whole())

    return run_it


Run = Callable[[Callable[[Translator, Clock], Awaitable[None]]], None]


def test_a_reader_gets_the_nearest_language_that_there_is(run: Run, database_dsn: str) -> None:
    put(database_dsn, ENGLISH, GERMAN, (WELCOME, "pt", "1.0.0", "Boas-vindas"))
    put(database_dsn, ("badge.new", "en", "1.0.0", "New"))

    async def story(one: Translator, _clock: Clock) -> None:
        assert await one.name(WELCOME, "de") == Name("Willkommen", "de")
        assert await one.name(WELCOME, "de-AT") == Name("Willkommen", "de")
        assert await one.name(WELCOME, "pt-BR") == Name("Boas-vindas", "pt")
        assert await one.name(WELCOME, "ja") == Name("Welcome", "en")
        assert await one.name("badge.new", "de") == Name("New", "en")

    run(story)


def test_a_key_that_nobody_has_translated_is_made_readable(run: Run, reader: Reader) -> None:
    async def story(one: Translator, _clock: Clock) -> None:
        assert await one.name("badge.first.lesson", "de") == Name("First lesson", "en")
        assert await one.name("badge.first.lesson", "de") == Name("First lesson", "en")
        assert reader.asked == 1
        assert await one.name("no key\x00", "de") == Name("No key\x00", "en")
        assert reader.asked == 1

    run(story)


def test_a_translation_that_does_not_fit_the_english_text_is_passed_over(
    run: Run, database_dsn: str
) -> None:
    put(database_dsn, ENGLISH, GERMAN, (WELCOME, "en", "2.0.0", "Welcome, {name}"))

    async def story(one: Translator, _clock: Clock) -> None:
        assert await one.name(WELCOME, "de") == Name("Welcome, {name}", "en")

    run(story)


def test_postgres_is_asked_once_and_hits_and_misses_are_counted(
    run: Run, database_dsn: str, reader: Reader, redis_url: str
) -> None:
    put(database_dsn, ENGLISH)
    hits, misses = counted()

    async def story(one: Translator, _clock: Clock) -> None:
        await one.name(WELCOME, "de")
        assert counted() == (hits, misses + 1)
        with redis.Redis.from_url(redis_url) as there:
            there.flushall()
        for _ in range(5):
            assert (await one.name(WELCOME, "de")).text == "Welcome"
        assert counted() == (hits + 5, misses + 1)
        assert reader.asked == 1

    run(story)


def test_another_instance_finds_it_in_redis(
    run: Run, database_dsn: str, address: Address, reader: Reader
) -> None:
    put(database_dsn, ENGLISH, GERMAN)

    async def story(one: Translator, clock: Clock) -> None:
        await one.name(WELCOME, "de")
        await one.name(WELCOME, "pt")
        hits, misses = counted()
        second = Reader(database_dsn)
        async with translator(database_dsn, address, clock, second) as other:
            assert await other.name(WELCOME, "de") == Name("Willkommen", "de")
            assert await other.name(WELCOME, "pt") == Name("Welcome", "en")
        assert second.asked == 0
        assert counted() == (hits + 2, misses)

    run(story)
    assert reader.asked == 2


def test_a_change_that_nobody_announced_is_seen_after_a_time(run: Run, database_dsn: str) -> None:
    put(database_dsn, ENGLISH)

    async def story(one: Translator, clock: Clock) -> None:
        assert (await one.name(WELCOME, "en")).text == "Welcome"
        clock.now += 590
        assert (await one.name(WELCOME, "en")).text == "Welcome"  # from Redis, at its oldest
        put(database_dsn, (WELCOME, "en", "1.1.0", "Hello"))
        clock.now += 59
        assert (await one.name(WELCOME, "en")).text == "Welcome"
        clock.now += 2
        assert (await one.name(WELCOME, "en")).text == "Hello"

    run(story)


def test_a_drop_is_seen_at_once_in_every_locale_or_in_one(
    run: Run, database_dsn: str, reader: Reader
) -> None:
    put(database_dsn, ENGLISH, GERMAN)

    async def story(one: Translator, _clock: Clock) -> None:
        await one.name(WELCOME, "de")
        await one.name(WELCOME, "en")
        put(database_dsn, (WELCOME, "en", "1.1.0", "Hello"), (WELCOME, "de", "1.1.0", "Hallo"))
        await one.drop([(WELCOME, "de")])
        assert (await one.name(WELCOME, "de")).text == "Hallo"
        await one.drop([(WELCOME, None)])
        assert (await one.name(WELCOME, "en")).text == "Hello"
        asked = reader.asked
        assert (await one.name(WELCOME, "de")).text == "Hallo"
        assert reader.asked == asked + 1

    run(story)


def test_what_was_read_before_a_drop_is_not_kept_after_it(
    run: Run, database_dsn: str, reader: Reader
) -> None:
    put(database_dsn, ENGLISH)

    async def story(one: Translator, clock: Clock) -> None:
        reader.may_answer.clear()
        early = asyncio.create_task(one.name(WELCOME, "en"))
        await asyncio.to_thread(reader.has_read.wait, 30)
        put(database_dsn, (WELCOME, "en", "1.1.0", "Hello"))
        await one.drop([(WELCOME, "en")])
        late = asyncio.create_task(one.name(WELCOME, "en"))
        reader.may_answer.set()
        assert (await early).text == "Welcome"
        assert (await late).text == "Hello"
        assert (await one.name(WELCOME, "en")).text == "Hello"
        clock.now += 61
        assert (await one.name(WELCOME, "en")).text == "Hello", "Redis had the old one"

    run(story)


def test_many_who_want_the_same_share_one_question(
    run: Run, database_dsn: str, reader: Reader
) -> None:
    put(database_dsn, ENGLISH)

    async def story(one: Translator, _clock: Clock) -> None:
        names = await asyncio.gather(*(one.name(WELCOME, "en") for _ in range(200)))
        assert {name.text for name in names} == {"Welcome"}
        assert reader.asked == 1

    run(story)


def test_who_does_not_wait_any_longer_disturbs_nobody(
    run: Run, database_dsn: str, reader: Reader
) -> None:
    put(database_dsn, ENGLISH, ("badge.new", "en", "1.0.0", "New"))

    async def story(one: Translator, _clock: Clock) -> None:
        reader.may_answer.clear()
        impatient = asyncio.create_task(one.name(WELCOME, "en"))
        await asyncio.to_thread(reader.has_read.wait, 30)
        other = asyncio.create_task(one.name("badge.new", "en"))
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        reader.may_answer.set()
        assert (await other).text == "New"
        assert (await one.name(WELCOME, "en")).text == "Welcome"
        assert reader.asked == 2

    run(story)


def test_a_connection_that_was_cut_is_made_anew_and_nobody_notices(
    run: Run, database_dsn: str
) -> None:
    put(database_dsn, ENGLISH, ("badge.new", "en", "1.0.0", "New"))

    async def story(one: Translator, _clock: Clock) -> None:
        await one.name(WELCOME, "en")
        end_sessions(database_dsn, "gamification-translate")
        assert (await one.name("badge.new", "en")).text == "New"

    run(story)
