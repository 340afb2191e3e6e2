"""Texts kept in Redis: saves questions, decides nothing, never fails. On a real Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import redis

from deploy.devstack.server import Addresses
from gamification.adapters.redis.connection import Address
from gamification.adapters.redis.translations import Cached, TranslationCache
from tests.redis_servers import redis_cluster, redis_server
from tests.translators import WELCOME, Clock, async_client

pytestmark = pytest.mark.servers

NAMES = ("de", "en", "fr")
TEXTS = {"de": "Willkommen", "en": None}
KEPT = {"de": Cached("Willkommen", 0.0), "en": Cached(None, 0.0)}


@pytest.fixture
def address(servers: Addresses, redis_url: str) -> Address:
    assert redis_url
    return Address(servers.redis_host, servers.redis_port)


def with_cache(
    address: Address, do: Callable[[TranslationCache], Awaitable[None]], clock: Clock | None = None
) -> None:
    time = clock or Clock()

    async def run() -> None:
        async with async_client(address) as client:
            await do(TranslationCache(client, time, time))

    asyncio.run(run())


def test_texts_and_the_lack_of_them_are_known_again(address: Address) -> None:
    async def do(cache: TranslationCache) -> None:
        assert await cache.known(WELCOME, NAMES) == {}
        await cache.remember(WELCOME, TEXTS)
        assert await cache.known(WELCOME, NAMES) == KEPT
        assert await cache.known("badge.other", NAMES) == {}
        assert await cache.known(WELCOME, ()) == {}

    with_cache(address, do)


def test_keys_have_their_names_and_their_time(address: Address, redis_url: str) -> None:
    async def do(cache: TranslationCache) -> None:
        await cache.remember(WELCOME, TEXTS)

    with_cache(address, do)
    with redis.Redis.from_url(redis_url, decode_responses=True) as there:
        assert set(there.scan_iter()) == {
            "translations:badge.welcome:de",
            "translations:badge.welcome:en",
        }
        assert 86_000 < there.ttl("translations:badge.welcome:de") <= 86_400
        assert 0 < there.ttl("translations:badge.welcome:en") <= 60


def test_an_answer_says_how_old_it_is_and_a_newer_one_takes_its_place(address: Address) -> None:
    clock = Clock()

    async def do(cache: TranslationCache) -> None:
        await cache.remember(WELCOME, TEXTS)
        clock.now += 700
        assert (await cache.known(WELCOME, ("de",)))["de"].age_s == 700
        await cache.remember(WELCOME, {"de": "Hallo"})
        assert await cache.known(WELCOME, ("de",)) == {"de": Cached("Hallo", 0.0)}

    with_cache(address, do, clock)


def test_what_was_dropped_is_not_brought_back_by_who_read_it_before(
    address: Address, redis_url: str
) -> None:
    async def do(cache: TranslationCache) -> None:
        await cache.remember(WELCOME, TEXTS)
        await cache.drop([(WELCOME, "de"), (WELCOME, "fr")])
        await cache.remember(WELCOME, {**TEXTS, "fr": "Bienvenue"})
        assert await cache.known(WELCOME, NAMES) == {"en": Cached(None, 0.0)}
        with redis.Redis.from_url(redis_url) as there:
            assert 0 < there.ttl("translations:badge.welcome:de") <= 10
            there.delete("translations:badge.welcome:de")  # as its time does
        await cache.remember(WELCOME, TEXTS)
        assert await cache.known(WELCOME, NAMES) == KEPT

    with_cache(address, do)


@pytest.mark.parametrize("value", ["text", '[2,0,"x"]', "[1,0,5]", "[1]", "{}", "\xff"])
def test_a_foreign_value_is_no_answer_and_is_replaced(
    address: Address, redis_url: str, value: str
) -> None:
    with redis.Redis.from_url(redis_url) as there:
        there.set("translations:badge.welcome:de", value.encode("latin-1"))

    async def do(cache: TranslationCache) -> None:
        assert await cache.known(WELCOME, ("de",)) == {}
        await cache.remember(WELCOME, {"de": "Willkommen"})
        assert await cache.known(WELCOME, ("de",)) == {"de": Cached("Willkommen", 0.0)}

    with_cache(address, do)


def test_whatever_is_wrong_is_an_empty_answer(tmp_path: Path) -> None:
    clock = Clock()
    with redis_server(tmp_path) as (address, process):

        async def do(cache: TranslationCache) -> None:
            await cache.remember(WELCOME, TEXTS)
            process.pause()
            assert await cache.known(WELCOME, NAMES) == {}
            process.resume()
            assert await cache.known(WELCOME, NAMES) == {}, "it rests after a failure"
            clock.now += 3
            assert set(await cache.known(WELCOME, NAMES)) == {"de", "en"}
            process.kill()
            assert await cache.known(WELCOME, NAMES) == {}
            clock.now += 3
            await cache.remember(WELCOME, TEXTS)
            await cache.drop([(WELCOME, "de")])
            process.start()
            clock.now += 3
            await cache.remember(WELCOME, TEXTS)
            assert await cache.known(WELCOME, NAMES) == KEPT

        with_cache(address, do, clock)


def test_a_drop_is_tried_also_while_it_rests(tmp_path: Path) -> None:
    with redis_server(tmp_path) as (address, process):

        async def do(cache: TranslationCache) -> None:
            await cache.remember(WELCOME, TEXTS)
            process.pause()
            assert await cache.known(WELCOME, NAMES) == {}
            process.resume()
            await cache.drop([(WELCOME, "de")])

        with_cache(address, do)
        with redis.Redis(host=address.host, port=address.port) as there:
            assert there.get("translations:badge.welcome:de") == b"held"


def test_a_full_redis_fails_nobody(tmp_path: Path) -> None:
    with redis_server(tmp_path) as (address, _):
        with redis.Redis(host=address.host, port=address.port) as there:
            there.config_set("maxmemory", "1")

        async def do(cache: TranslationCache) -> None:
            await cache.remember(WELCOME, TEXTS)
            await cache.drop([(WELCOME, "de")])
            assert await cache.known(WELCOME, NAMES) == {}

        with_cache(address, do)


def test_in_a_cluster_keys_of_different_slots_are_asked_for_together(tmp_path: Path) -> None:
    with redis_cluster(tmp_path) as (address, _):

        async def do(cache: TranslationCache) -> None:
            await cache.remember(WELCOME, TEXTS)
            assert await cache.known(WELCOME, NAMES) == KEPT
            await cache.drop([(WELCOME, "de"), (WELCOME, "en")])
            assert await cache.known(WELCOME, NAMES) == {}

        with_cache(address, do)
