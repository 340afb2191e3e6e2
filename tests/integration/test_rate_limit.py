"""Limits in real Redis: over all instances, exact, and by instance while Redis is away."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import redis

from deploy.devstack.stack import Stack
from gamification.adapters.redis import keys
from gamification.adapters.redis.aio import AsyncRedis
from gamification.adapters.redis.connection import Address
from gamification.adapters.redis.rate_limit import RateLimiter
from gamification.domain.gcra import Limit
from tests.redis_servers import redis_cluster
from tests.services import in_loop

pytestmark = pytest.mark.servers

SLOWLY = Limit("slowly", count=3, period_s=3_600)
"""Nothing comes back while a test runs."""


@asynccontextmanager
async def limiters(url: str, number: int = 1) -> AsyncIterator[list[RateLimiter]]:
    """So many instances, each with a client of its own."""
    host, _, port = url.partition("//")[2].partition("/")[0].rpartition(":")
    address = Address(host, int(port))
    clients = [AsyncRedis.at(address, "tests", timeout_s=5.0) for _ in range(number)]
    try:
        yield [RateLimiter(client) for client in clients]
    finally:
        for client in clients:
            await client.close()


@in_loop
async def test_instances_share_one_limit(redis_url: str) -> None:
    async with limiters(redis_url, 2) as (one, two):
        waits = [await limiter.take(SLOWLY, "anna") for limiter in (one, two, one, two)]
    assert waits[:3] == [0, 0, 0]
    assert 1_190 < waits[3] <= 1_200


@in_loop
async def test_everybody_has_a_limit_of_their_own_for_each_thing(redis_url: str) -> None:
    other = Limit("other", count=1, period_s=3_600)
    async with limiters(redis_url) as (limiter,):
        for who in ("anna", "berta"):
            assert [await limiter.take(SLOWLY, who) for _ in range(3)] == [0, 0, 0]
            assert await limiter.take(other, who) == 0
        assert await limiter.take(SLOWLY, "anna") > 0


@in_loop
async def test_many_at_once_get_exactly_the_limit(redis_url: str) -> None:
    limit = Limit("hundred", count=100, period_s=3_600)
    async with limiters(redis_url, 3) as three:
        waits = await asyncio.gather(*(three[n % 3].take(limit, "anna") for n in range(150)))
    assert sum(wait == 0 for wait in waits) == 100


@in_loop
async def test_who_waits_as_told_passes(redis_url: str) -> None:
    limit = Limit("quickly", count=2, period_s=0.5)
    async with limiters(redis_url) as (limiter,):
        waits = [await limiter.take(limit, "anna") for _ in range(3)]
        assert 0 < waits[2] <= 0.25
        await asyncio.sleep(waits[2])  # what is told is what is tested
        assert await limiter.take(limit, "anna") == 0


@in_loop
async def test_keys_go_away_by_themselves(redis_url: str) -> None:
    async with limiters(redis_url) as (limiter,):
        await limiter.take(SLOWLY, "anna")
    with closing(redis.Redis.from_url(redis_url)) as client:
        left_ms = client.pttl(keys.rate_limit(SLOWLY.name, "anna"))
    assert 0 < left_ms <= 1_200_000


@in_loop
async def test_a_cluster_keeps_the_limits_of_many_who_ask_at_once(tmp_path: Path) -> None:
    with redis_cluster(tmp_path) as (address, _):
        redis = AsyncRedis.at(address, "tests", timeout_s=5.0)
        limiter = RateLimiter(redis)
        names = [f"who-{number}" for number in range(12)] * 4
        try:
            waits = await asyncio.gather(*(limiter.take(SLOWLY, name) for name in names))
        finally:
            await redis.close()
    passed = Counter(name for name, wait in zip(names, waits, strict=True) if not wait)
    assert passed == dict.fromkeys(names, 3)


@in_loop
async def test_while_redis_is_away_each_instance_limits_by_itself(own_stack: Stack) -> None:
    async with limiters(own_stack.addresses.redis_url) as (limiter,):
        assert await limiter.take(SLOWLY, "anna") == 0
        own_stack.redis.stop()
        waits = [await limiter.take(SLOWLY, "anna") for _ in range(4)]
    assert waits[:3] == [0, 0, 0]
    assert waits[3] > 0
