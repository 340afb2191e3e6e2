"""What somebody wants to know of Redis who was woken at night. Changes nothing."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from redis import Redis, RedisCluster

from gamification.adapters.redis.connection import Client, translated


class NodeFacts(NamedTuple):
    """One server. `name` is empty where there is only one."""

    name: str
    version: str
    role: str
    """master, slave or sentinel."""
    policy: str
    used_bytes: int
    bytes_max: int
    """0: no limit."""
    ahead_s: float
    """Its clock, ahead of ours."""


def nodes(client: Client) -> list[NodeFacts]:
    """The server, or the primaries of the cluster. Raises Unavailable or Halt."""
    with translated():
        return [_facts(name, each) for name, each in _each(client)]


def _each(client: Client) -> Iterator[tuple[str, Redis]]:
    if not isinstance(client, RedisCluster):
        yield "", client
        return
    cluster: Any = client
    for node in cluster.get_primaries():
        yield str(node.name), cluster.get_redis_connection(node)


def _facts(name: str, client: Redis) -> NodeFacts:
    told = client.info()
    begun_s = time.time()
    seconds, microseconds = client.time()
    here_s = (begun_s + time.time()) / 2
    return NodeFacts(
        name=name,
        version=f"{told.get('server_name', 'redis')} {told.get('redis_version', '')}",
        role=str(told.get("role", "unknown")),
        policy=str(told.get("maxmemory_policy", "unknown")),
        used_bytes=int(told.get("used_memory", 0)),
        bytes_max=int(told.get("maxmemory", 0)),
        ahead_s=seconds + microseconds / 1e6 - here_s,
    )
