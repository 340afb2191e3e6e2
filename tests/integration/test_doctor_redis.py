"""What the doctor sees of real Redis servers that are not as they should be."""

from pathlib import Path

from gamification.adapters.redis.connection import Address, close, connect
from gamification.adapters.redis.facts import nodes
from gamification.application.doctor import redis
from tests.redis_servers import redis_cluster, redis_server


def states(address: Address) -> dict[str, str]:
    client = connect(address, "tests")
    try:
        return {f.check: str(f.state) for each in nodes(client) for f in redis.node(each)}
    finally:
        close(client)


def test_a_cache_that_forgets_is_wrong(tmp_path: Path) -> None:
    options = ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    with redis_server(tmp_path, *options) as (address, _):
        assert states(address) == {
            "redis": "ok",
            "redis policy": "wrong",
            "redis memory": "ok",
            "redis clock": "ok",
        }


def test_a_full_one_is_wrong(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--maxmemory", "1") as (address, _):
        assert states(address)["redis memory"] == "wrong"


def test_a_replica_is_wrong(tmp_path: Path) -> None:
    options = ("--replicaof", "127.0.0.1", "1")
    with redis_server(tmp_path, *options) as (address, _):
        assert states(address)["redis"] == "wrong"


def test_of_a_cluster_every_primary_is_looked_at(tmp_path: Path) -> None:
    with redis_cluster(tmp_path) as (address, processes):
        found = states(address)

    assert set(found.values()) == {"ok"}
    assert len([check for check in found if check.endswith(" policy")]) == len(processes)
