"""`python -m cli.rebuild_leaderboard` against a running projection."""

import json
import os
import subprocess
import sys

import pytest

from deploy.devstack.server import Addresses
from gamification.adapters.redis.connection import Address
from tests.projection import World, actual, client, running, settled

pytestmark = pytest.mark.servers


@pytest.fixture
def address(servers: Addresses, redis_url: str) -> Address:
    """An empty Redis."""
    assert redis_url
    return Address(servers.redis_host, servers.redis_port)


def rebuild(address: Address, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.rebuild_leaderboard", *options],
        env={
            **os.environ,
            "GAMIFICATION_REDIS_HOST": address.host,
            "GAMIFICATION_REDIS_PORT": str(address.port),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_yes_it_only_lists(database_dsn: str, address: Address) -> None:
    with World(database_dsn) as world, running(database_dsn, address):
        world.something(20)
        said = settled(world, address)
        with client(address) as there:
            before = there.hget("position:{projection}", "epoch")

            done = rebuild(address, "--json")

            assert done.returncode == 0
            assert {row["board"] for row in json.loads(done.stdout)} == set(said)
            assert there.hget("position:{projection}", "epoch") == before


@pytest.mark.parametrize("one_merchant", [False, True])
def test_wrong_scores_are_written_anew(
    database_dsn: str, address: Address, *, one_merchant: bool
) -> None:
    with World(database_dsn) as world, running(database_dsn, address):
        world.something(20)
        said = settled(world, address)
        with client(address) as there:
            wrong = next(key for key in said if key.count(":") == 1)
            there.zadd(wrong, dict.fromkeys(said[wrong], 1000000))
        only = ("--merchant-id", wrong.partition(":")[2]) if one_merchant else ()

        done = rebuild(address, "--yes", *only)

        assert done.returncode == 0, done.stderr
        assert "written anew" in done.stderr
        assert actual(address) == world.expected()


def test_nobody_there_to_write_them(database_dsn: str, address: Address) -> None:
    with World(database_dsn) as world:
        with running(database_dsn, address):
            world.something(20)
            settled(world, address)
        done = rebuild(address, "--yes", "--within-s", "1")

        assert done.returncode == 3
        assert "is a projection running?" in done.stderr
        assert actual(address) == world.expected(), "the old ones stay"


def test_what_is_no_merchant_is_refused(address: Address) -> None:
    done = rebuild(address, "--merchant-id", "me")

    assert done.returncode == 2
    assert done.stderr == "--merchant-id: a UUID, like 6f1c2d3e-...\n"
