"""The short cut for duplicates: saves work, decides nothing, never fails. On a real Redis."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from deploy.devstack.server import Addresses
from gamification.adapters.redis.connection import Address, Client, close, connect
from gamification.adapters.redis.processed import EventKey, Processed
from gamification.domain.ids import EventId, MerchantId
from tests.redis_servers import redis_server

pytestmark = pytest.mark.servers

RANDOM = random.Random(1)
HASHES: dict[EventKey, int] = {
    (MerchantId(RANDOM.randbytes(16)), EventId(RANDOM.randbytes(16))): hashed
    for hashed in (0, 1, -1, 2**63 - 1, -(2**63))
}
UNKNOWN: EventKey = (MerchantId(bytes(16)), EventId(bytes(16)))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def client(servers: Addresses, redis_url: str) -> Iterator[Client]:
    assert redis_url
    found = connect(Address(servers.redis_host, servers.redis_port), "tests")
    yield found
    close(found)


def test_what_was_remembered_is_known_with_its_content(client: Client) -> None:
    processed = Processed(client)

    assert processed.remember(HASHES, ttl_s=60) == len(HASHES)

    assert processed.known([*HASHES, UNKNOWN]) == HASHES
    assert processed.known([]) == {}


def test_it_is_forgotten_after_its_time(client: Client, redis_url: str) -> None:
    Processed(client).remember(HASHES, ttl_s=60)

    with redis.Redis.from_url(redis_url) as there:
        for key in there.scan_iter():
            assert 0 < there.ttl(key) <= 60


def test_no_more_are_remembered_than_there_is_room_for(client: Client) -> None:
    clock = Clock()
    processed = Processed(client, remembered_max=7, clock=clock)

    assert processed.remember(HASHES, ttl_s=60) == 5
    assert processed.remember(HASHES, ttl_s=60) == 2
    assert processed.remember(HASHES, ttl_s=60) == 0
    clock.now = 61
    assert processed.remember(HASHES, ttl_s=60) == 5


def test_whatever_is_wrong_is_an_empty_answer(tmp_path: Path) -> None:
    clock = Clock()
    with redis_server(tmp_path) as (address, process):
        processed = Processed(lambda: connect(address, "tests", timeout_s=0.2), clock=clock)
        processed.remember(HASHES, ttl_s=60)
        process.pause()
        assert processed.known(list(HASHES)) == {}
        process.resume()
        assert processed.known(list(HASHES)) == {}, "it rests after a failure"
        clock.now += 10
        assert processed.known(list(HASHES)) == HASHES
        process.kill()
        assert processed.known(list(HASHES)) == {}
        clock.now += 10
        assert processed.remember(HASHES, ttl_s=60) == 0
        process.start()
        clock.now += 10
        assert processed.remember(HASHES, ttl_s=60) == 5
        assert processed.known(list(HASHES)) == HASHES


def test_a_full_redis_remembers_nothing_and_fails_nobody(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--maxmemory", "1mb") as (address, _):
        processed = Processed(connect(address, "tests"))
        with redis.Redis(host=address.host, port=address.port) as there:
            there.config_set("maxmemory", "1")
        assert processed.remember(HASHES, ttl_s=60) == 0
        assert processed.known(list(HASHES)) == {}


def test_a_foreign_value_is_no_answer(client: Client, redis_url: str) -> None:
    processed = Processed(client)
    processed.remember(HASHES, ttl_s=60)
    with redis.Redis.from_url(redis_url) as there:
        there.set(next(there.scan_iter()), "text")

    assert processed.known(list(HASHES)) == {}


@pytest.mark.parametrize("cluster", [False, True])
def test_nothing_connects_before_the_first_question(*, cluster: bool) -> None:
    processed = Processed.at(Address("127.0.0.1", 1, cluster), "tests")

    assert processed.known(list(HASHES)) == {}
    assert processed.remember(HASHES, ttl_s=60) == 0
    processed.close()
