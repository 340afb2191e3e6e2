"""Faults of Redis: emptied, away, frozen, full."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.chaos.fault import Fault
from tests.chaos.server import Away, Frozen, OfServer


class RedisEmptied(OfServer, on="redis"):
    name = "redis-emptied"
    what = "Redis forgets everything, again and again, between two batches"
    lasts_s = (1.0, 8.0)

    def inject(self) -> object:
        emptied = 0
        until_s = time.monotonic() + self.for_s
        with client(self) as there:
            while time.monotonic() < until_s:
                there.flushall()
                emptied += 1
                time.sleep(self.random.uniform(0.05, 2.0))
        return emptied


class RedisAway(Away, on="redis"):
    name = "redis-away"
    what = "Redis stopped, or killed, and started later"
    lasts_s = (1.0, 12.0)


class RedisFrozen(Frozen, on="redis"):
    name = "redis-frozen"
    what = "Redis stopped answering"
    lasts_s = (1.0, 12.0)


class RedisFull(OfServer, on="redis"):
    name = "redis-full"
    what = "Redis refuses every write: no memory, and nothing may be evicted"
    lasts_s = (2.0, 12.0)

    def inject(self) -> object:
        self._allow("1")
        return None

    def mend(self) -> object:
        self._allow("0")
        return None

    def _allow(self, maxmemory: str) -> None:
        with client(self) as there:
            there.config_set("maxmemory", maxmemory)


@contextmanager
def client(fault: Fault) -> "Iterator[redis.Redis]":
    """A connection of the harness."""
    there = redis.Redis.from_url(fault.world.chain.addresses.redis_url)
    try:
        yield there
    finally:
        there.close()
