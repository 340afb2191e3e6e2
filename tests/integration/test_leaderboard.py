"""Reading leaderboards, on a real Redis."""

import uuid
from collections.abc import Iterator

import pytest
import redis

from deploy.devstack.server import Addresses
from gamification.adapters.redis import keys
from gamification.adapters.redis.connection import Address, Client, close, connect
from gamification.adapters.redis.leaderboard import Place, rank, top
from gamification.domain.board import Board
from gamification.domain.ids import CustomerId, MerchantId, uuid_text

pytestmark = pytest.mark.servers

BOARD = Board(MerchantId(uuid.uuid4().bytes))
CUSTOMERS = [CustomerId(bytes([n]) * 16) for n in range(5)]


@pytest.fixture
def client(servers: Addresses, redis_url: str) -> Iterator[Client]:
    with redis.Redis.from_url(redis_url) as there:
        scores = zip(CUSTOMERS, (70, 2**53, 50, 70, 10), strict=True)
        there.zadd(keys.leaderboard(BOARD), {uuid_text(c): score for c, score in scores})
    found = connect(Address(servers.redis_host, servers.redis_port), "tests")
    yield found
    close(found)


def test_equal_scores_share_the_better_rank(client: Client) -> None:
    found = top(client, BOARD, 10)

    assert [place.rank for place in found] == [1, 2, 2, 4, 5]
    assert [place.exp for place in found] == [2**53, 70, 70, 50, 10]
    assert {place.customer_id for place in found} == set(CUSTOMERS)
    for place in found:
        assert rank(client, BOARD, place.customer_id) == place


def test_only_so_many_as_asked_for(client: Client) -> None:
    assert top(client, BOARD, 1) == [Place(CUSTOMERS[1], 2**53, 1)]
    assert top(client, BOARD, 0) == []


def test_who_has_no_place_has_no_rank(client: Client) -> None:
    assert rank(client, BOARD, CustomerId(b"x" * 16)) is None
    assert rank(client, Board(MerchantId(bytes(16))), CUSTOMERS[0]) is None
    assert top(client, Board(MerchantId(bytes(16))), 10) == []
