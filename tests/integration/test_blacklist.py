"""Revoked tokens: asked every time, and nobody gets in when the list cannot be read. Real Redis."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis

from deploy.devstack.server import Addresses
from gamification.adapters.redis import blacklist
from gamification.adapters.redis.aio import AsyncRedis
from gamification.adapters.redis.blacklist import Blacklist
from gamification.adapters.redis.connection import Address, Client, close, connect
from gamification.domain.errors import Unavailable
from tests.redis_servers import redis_cluster, redis_server
from tests.services import in_loop

pytestmark = pytest.mark.servers

NOW = 1_800_000_000.5


@pytest.fixture
def address(servers: Addresses, redis_url: str) -> Address:
    """An empty Redis."""
    assert redis_url
    return Address(servers.redis_host, servers.redis_port)


@pytest.fixture
def client(address: Address) -> Iterator[Client]:
    found = connect(address, "tests")
    yield found
    close(found)


@asynccontextmanager
async def reading(address: Address) -> AsyncIterator[Blacklist]:
    aio = AsyncRedis.at(address, "tests", timeout_s=2)
    try:
        yield Blacklist(aio)
    finally:
        await aio.close()


@in_loop
async def test_revoking_works_with_the_next_question(address: Address, client: Client) -> None:
    async with reading(address) as revoked:
        assert not await revoked.is_revoked("t-1")
        blacklist.revoke(client, "t-1", None, time.time())

        assert await revoked.is_revoked("t-1")
        assert not await revoked.is_revoked("t-2")


@in_loop
async def test_many_who_ask_at_once_get_each_their_own_answer(
    address: Address, client: Client
) -> None:
    names = [f"t-{number}" for number in range(300)]
    async with reading(address) as revoked:
        assert not any(await asyncio.gather(*map(revoked.is_revoked, names * 2)))
        for name in names[::7]:
            blacklist.revoke(client, name, None, time.time())

        answers = await asyncio.gather(*map(revoked.is_revoked, names * 2))

    assert [name for name, yes in zip(names * 2, answers, strict=True) if yes] == names[::7] * 2


@in_loop
async def test_a_question_is_never_answered_by_one_that_was_asked_before(
    address: Address, client: Client
) -> None:
    async with reading(address) as revoked:
        early = [asyncio.create_task(revoked.is_revoked(f"t-{n}")) for n in range(100)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        blacklist.revoke(client, "t-1", None, time.time())

        assert await revoked.is_revoked("t-1")
        await asyncio.gather(*early)


@in_loop
async def test_one_who_goes_away_takes_no_answer_from_the_others(address: Address) -> None:
    async with reading(address) as revoked:
        first = asyncio.create_task(revoked.is_revoked("t-1"))
        second = asyncio.create_task(revoked.is_revoked("t-1"))
        await asyncio.sleep(0)
        first.cancel()

        assert not await second


@in_loop
async def test_a_key_that_others_wrote_counts_whatever_it_holds(
    address: Address, redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as there:
        there.set("jwt_blacklist:text", "")
        there.hset("jwt_blacklist:hash", "a", "b")
    async with reading(address) as revoked:
        assert await revoked.is_revoked("text")
        assert await revoked.is_revoked("hash")


@pytest.mark.parametrize(
    ("until_s", "stays_s"),
    [
        (None, 3600),
        (NOW - 5, 3600),
        (NOW + 60, 3600),
        (NOW + 7200, 7200),
        (NOW + 7200.2, 7201),
        (2**53, 10 * 366 * 86_400),
    ],
)
def test_it_stays_for_an_hour_or_until_the_token_ends(
    client: Client, redis_url: str, until_s: float | None, stays_s: int
) -> None:
    assert blacklist.revoke(client, "t-1", until_s, NOW) == stays_s

    with redis.Redis.from_url(redis_url) as there:
        assert there.keys() == [b"jwt_blacklist:t-1"]
        left_s = there.ttl("jwt_blacklist:t-1")
        assert stays_s - 60 <= left_s <= stays_s


def test_a_second_time_may_only_make_it_longer(client: Client) -> None:
    blacklist.revoke(client, "t-1", NOW + 7200, NOW)

    assert 7100 < blacklist.revoke(client, "t-1", None, NOW) <= 7200
    assert blacklist.revoke(client, "t-1", NOW + 9000, NOW) == 9000
    left_s = blacklist.left_s(client, "t-1")
    assert left_s is not None
    assert 8900 < left_s <= 9000


def test_one_that_somebody_revoked_for_ever_stays_so(client: Client, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as there:
        there.set("jwt_blacklist:t-1", "x")

    assert blacklist.revoke(client, "t-1", NOW + 60, NOW) == -1
    assert blacklist.left_s(client, "t-1") == -1
    assert blacklist.left_s(client, "t-2") is None


@in_loop
async def test_a_list_that_cannot_be_read_is_unavailable(tmp_path: Path) -> None:
    with redis_server(tmp_path) as (address, process):
        async with reading(address) as revoked:
            assert not await revoked.is_revoked("t-1")
            process.kill()
            failed = await asyncio.gather(
                *(revoked.is_revoked(f"t-{n % 3}") for n in range(9)), return_exceptions=True
            )
            assert {type(each) for each in failed} == {Unavailable}
            process.start()
            process.pause()
            with pytest.raises(Unavailable):
                await revoked.is_revoked("t-1")
            process.resume()
            assert not await revoked.is_revoked("t-1")


@in_loop
async def test_a_cluster_keeps_the_list_too(tmp_path: Path) -> None:
    names = [f"t-{number}" for number in range(12)]
    with redis_cluster(tmp_path) as (address, _):
        writing = connect(address, "tests")
        try:
            for name in names[:6]:
                blacklist.revoke(writing, name, None, time.time())
        finally:
            close(writing)
        async with reading(address) as revoked:
            answers = await asyncio.gather(*map(revoked.is_revoked, names))

        assert answers == [True] * 6 + [False] * 6
