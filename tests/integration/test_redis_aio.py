"""The asyncio client of Redis: it cannot hang, and many may use it at once. On real servers."""

import asyncio
import gc
import time
from pathlib import Path

import pytest
from redis.asyncio import Connection, RedisCluster

from deploy.devstack.server import Addresses
from gamification.adapters.redis.aio import AsyncRedis, Client
from gamification.adapters.redis.connection import Address
from gamification.domain.errors import Halt, Unavailable
from tests.redis_servers import redis_cluster, redis_server
from tests.services import in_loop

pytestmark = pytest.mark.servers

ECHO = "return ARGV[1]"


@pytest.fixture
def address(servers: Addresses, redis_url: str) -> Address:
    """An empty Redis."""
    assert redis_url
    return Address(servers.redis_host, servers.redis_port)


@in_loop
async def test_a_thousand_at_once_all_get_their_own_answer(address: Address) -> None:
    redis = AsyncRedis.at(address, "tests", timeout_s=20)
    try:
        answers = await asyncio.gather(
            *(redis.evaluate(ECHO, ["key"], [number]) for number in range(1000))
        )
    finally:
        await redis.close()

    assert answers == [str(number).encode() for number in range(1000)]


@in_loop
async def test_those_who_go_away_leave_no_answer_to_others(address: Address) -> None:
    redis = AsyncRedis.at(address, "tests", timeout_s=20)
    slow = "local n = 0; for i = 1, 200000 do n = n + i end; return ARGV[1]"
    try:
        asking = [asyncio.create_task(redis.evaluate(slow, ["k"], ["old"])) for _ in range(40)]
        await asyncio.sleep(0.02)
        for each in asking:
            each.cancel()
        new = await asyncio.gather(*(redis.evaluate(ECHO, ["k"], ["new"]) for _ in range(40)))
        await asyncio.gather(*asking, return_exceptions=True)
    finally:
        await redis.close()

    assert set(new) == {b"new"}


@pytest.mark.parametrize("cluster", [False, True])
@in_loop
async def test_nothing_connects_before_the_first_command(*, cluster: bool) -> None:
    redis = AsyncRedis.at(Address("127.0.0.1", 1, cluster), "tests")
    try:
        with pytest.raises(Unavailable, match=r"^redis: "):
            await redis.evaluate(ECHO, ["key"], ["x"])
    finally:
        await redis.close()


@in_loop
async def test_it_comes_back_by_itself_after_any_outage(tmp_path: Path) -> None:
    with redis_server(tmp_path) as (address, process):
        redis = AsyncRedis.at(address, "tests", timeout_s=1)
        try:
            assert await redis.evaluate(ECHO, ["key"], ["1"]) == b"1"

            process.pause()
            begun = time.monotonic()
            with pytest.raises(Unavailable):
                await redis.evaluate(ECHO, ["key"], ["2"])
            assert time.monotonic() - begun < 5
            process.resume()
            assert await redis.evaluate(ECHO, ["key"], ["3"]) == b"3"

            process.kill()
            with pytest.raises(Unavailable):
                await redis.evaluate(ECHO, ["key"], ["4"])
            process.start()
            assert await redis.evaluate(ECHO, ["key"], ["5"]) == b"5"
        finally:
            await redis.close()


@in_loop
async def test_a_connection_that_hangs_leaves_time_for_another_one(tmp_path: Path) -> None:
    with redis_server(tmp_path) as (address, process):
        redis = AsyncRedis.at(address, "tests", timeout_s=4)
        try:
            process.pause()
            asking = asyncio.create_task(redis.evaluate(ECHO, ["key"], ["x"]))
            await asyncio.sleep(2.4)  # more than the first try has, less than the second
            process.resume()
            assert await asking == b"x"
        finally:
            await redis.close()


@in_loop
async def test_many_who_wait_for_a_frozen_server_wait_no_longer_than_one(tmp_path: Path) -> None:
    with redis_server(tmp_path) as (address, process):
        redis = AsyncRedis.at(address, "tests", timeout_s=1)
        try:
            process.pause()
            begun = time.monotonic()
            ended = await asyncio.gather(
                *(redis.evaluate(ECHO, ["key"], ["x"]) for _ in range(200)),
                return_exceptions=True,
            )
            assert time.monotonic() - begun < 10
            assert {type(each) for each in ended} == {Unavailable}
            process.resume()
            assert await redis.evaluate(ECHO, ["key"], ["x"]) == b"x"
        finally:
            await redis.close()


@in_loop
async def test_a_command_that_no_retry_mends_is_a_halt(address: Address) -> None:
    redis = AsyncRedis.at(address, "tests")
    try:
        with pytest.raises(Halt, match=r"^redis: "):
            await redis.evaluate("this is no script", ["key"], [])
    finally:
        await redis.close()


@in_loop
async def test_a_cluster_s_nodes_are_asked_for_their_own_keys(tmp_path: Path) -> None:
    with redis_cluster(tmp_path) as (address, _):
        redis = AsyncRedis.at(address, "tests", timeout_s=5)
        moved = 0

        async def count(client: Client) -> None:
            nonlocal moved
            for node in client.get_nodes() if isinstance(client, RedisCluster) else ():
                stats = await node.execute_command("INFO", "errorstats")
                moved += "errorstat_MOVED" in str(stats)

        try:
            await asyncio.gather(*(redis.evaluate(ECHO, [f"k-{n}"], [n]) for n in range(50)))
            await redis.run(count)
        finally:
            await redis.close()
    assert moved == 0


@in_loop
async def test_a_cluster_that_lost_a_node_is_left_without_open_sockets(tmp_path: Path) -> None:
    with redis_cluster(tmp_path) as (address, processes):
        redis = AsyncRedis.at(address, "tests", timeout_s=2)
        names = [f"key-{number}" for number in range(30)]
        await asyncio.gather(*(redis.evaluate(ECHO, [n], [n]) for n in names))
        processes[-1].kill()
        await asyncio.gather(
            *(redis.evaluate(ECHO, [n], [n]) for n in names), return_exceptions=True
        )

        await redis.close()

        open_ones = [
            each for each in gc.get_objects() if isinstance(each, Connection) and each.is_connected
        ]
        assert not open_ones


@in_loop
async def test_a_cluster_loses_a_node_without_hanging_and_finds_it_again(tmp_path: Path) -> None:
    with redis_cluster(tmp_path) as (address, processes):
        redis = AsyncRedis.at(address, "tests", timeout_s=2)
        names = [f"key-{number}" for number in range(30)]
        try:
            answers = await asyncio.gather(*(redis.evaluate(ECHO, [n], [n]) for n in names))
            assert answers == [name.encode() for name in names]

            processes[-1].kill()
            begun = time.monotonic()
            ended = await asyncio.gather(
                *(redis.evaluate(ECHO, [n], [n]) for n in names), return_exceptions=True
            )
            assert time.monotonic() - begun < 10
            assert Unavailable in {type(each) for each in ended}
            assert {type(each) for each in ended} <= {Unavailable, bytes}

            processes[-1].start()
            until = time.monotonic() + 30
            while answers != await asyncio.gather(
                *(redis.evaluate(ECHO, [n], [n]) for n in names), return_exceptions=True
            ):
                assert time.monotonic() < until
                await asyncio.sleep(0.1)
        finally:
            await redis.close()
