"""The projection while its Redis is away, full, frozen, emptied, or a cluster that loses a node."""

import random
from pathlib import Path

import pytest

from deploy.devstack.process import Process
from gamification.adapters.redis.connection import Address, close, connect
from gamification.adapters.redis.keys import board_of
from gamification.adapters.redis.leaderboard import rank, top
from gamification.adapters.redis.processed import Processed
from gamification.domain.ids import EventId
from tests.projection import World, actual, client, running, settled
from tests.redis_servers import redis_cluster, redis_server
from tests.waiting import eventually

pytestmark = [pytest.mark.servers, pytest.mark.faults]

FULL_BYTES = 1


def test_redis_killed_and_started_empty_under_load(database_dsn: str, tmp_path: Path) -> None:
    with (
        redis_server(tmp_path) as (address, process),
        World(database_dsn) as world,
        running(database_dsn, address),
    ):
        for _ in range(3):
            for _ in range(20):
                world.something()
            process.kill()
            for _ in range(20):
                world.something()
            process.start()
            for _ in range(20):
                world.something()
        settled(world, address)


def test_redis_that_stops_answering_for_a_while(database_dsn: str, tmp_path: Path) -> None:
    """Commands sent before may still be done much later: they must not take anything back."""
    with (
        redis_server(tmp_path) as (address, process),
        World(database_dsn) as world,
        running(database_dsn, address) as one,
    ):
        for _ in range(20):
            world.something()
        settled(world, address)
        process.pause()
        for _ in range(20):
            world.something()
        eventually(lambda: one.change_id is None, within_s=10)  # it gave up on that connection
        process.resume()
        for _ in range(20):
            world.something()
        settled(world, address)


def test_a_full_redis_stops_the_boards_and_nothing_else(database_dsn: str, tmp_path: Path) -> None:
    with (
        redis_server(tmp_path) as (address, _),
        World(database_dsn) as world,
        running(database_dsn, address) as one,
        client(address) as there,
    ):
        for _ in range(20):
            world.something()
        before = settled(world, address)
        there.config_set("maxmemory", FULL_BYTES)
        for _ in range(20):
            world.something()
        eventually(lambda: one.change_id is None)
        assert actual(address) == before
        there.config_set("maxmemory", 0)
        settled(world, address)


def test_a_redis_that_is_full_and_empty_is_filled_once_there_is_room(
    database_dsn: str, tmp_path: Path
) -> None:
    with (
        redis_server(tmp_path, "--maxmemory", str(FULL_BYTES)) as (address, _),
        World(database_dsn) as world,
        running(database_dsn, address),
        client(address) as there,
    ):
        for _ in range(20):
            world.something()
        assert actual(address) == {}
        there.config_set("maxmemory", 0)
        settled(world, address)


def test_redis_emptied_at_random_moments_under_load(database_dsn: str, tmp_path: Path) -> None:
    chance = random.Random(1)
    with (
        redis_server(tmp_path) as (address, _),
        World(database_dsn) as world,
        running(database_dsn, address),
        client(address) as there,
    ):
        emptied = 0
        for _ in range(150):
            world.something(chance.randint(1, 20))
            if chance.random() < 0.1:
                there.flushall()
                emptied += 1
        assert emptied
        settled(world, address)


def test_a_cluster_that_loses_what_a_node_held(database_dsn: str, tmp_path: Path) -> None:
    with (
        redis_cluster(tmp_path) as (address, nodes),
        World(database_dsn, merchants=5) as world,
        running(database_dsn, address),
    ):
        for _ in range(30):
            world.something()
        settled(world, address)
        assert all(holds_boards(node) for node in nodes)
        for node in nodes:  # emptied while idle: only the boards of its slots are gone
            with client(Address("127.0.0.1", port_of(node))) as one_node:
                one_node.flushall()
            settled(world, address)
        for node in nodes:  # gone for a while, and back without its memory
            node.kill()
            world.something(20)
            node.start()
            world.something(20)
        settled(world, address, within_s=30)


def test_a_cluster_is_read_and_swept_like_one_server(database_dsn: str, tmp_path: Path) -> None:
    with redis_cluster(tmp_path) as (address, _), World(database_dsn) as world:
        with client(address) as there:
            there.zadd("leaderboard:left-by-somebody", {"x": 1})
        with running(database_dsn, address):
            world.something(20)
            said = settled(world, address)
        state = connect(address, "tests")
        merchant, places = next((k, v) for k, v in said.items() if k.count(":") == 1)
        board = board_of(merchant)
        assert board is not None
        best = top(state, board, 1)[0]
        assert best.exp == max(places.values())
        assert rank(state, board, best.customer_id) == best
        processed = Processed(state)
        hashes = {
            (board.merchant_id, EventId(world.random.randbytes(16))): number for number in range(50)
        }
        assert processed.remember(hashes, ttl_s=60) == len(hashes)
        assert processed.known(list(hashes)) == hashes
        close(state)


def holds_boards(node: Process) -> bool:
    with client(Address("127.0.0.1", port_of(node))) as there:
        return any(True for _ in there.scan_iter(match="leaderboard:*"))


def port_of(node: Process) -> int:
    argv = node.command.argv
    return int(argv[argv.index("--port") + 1])
