"""What Redis does to one board: compare its position, then write or refuse. On a real server."""

import uuid
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import redis

from deploy.devstack.server import Addresses
from gamification.adapters.redis import keys
from gamification.adapters.redis.board_writer import BoardWriter, Outcome
from gamification.adapters.redis.connection import Address, close, connect
from gamification.domain.board import Board, Period, Totals
from gamification.domain.ids import MerchantId
from tests.projection import TODAY

pytestmark = pytest.mark.servers

KEEP_DAYS = 7
BOARD = Board(MerchantId(uuid.uuid4().bytes))
TODAYS = Board(BOARD.merchant_id, Period.DAY, TODAY)
KEY = keys.leaderboard(BOARD)


@pytest.fixture
def there(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def writer(servers: Addresses, there: "redis.Redis") -> Iterator[BoardWriter]:
    assert there.dbsize() == 0
    client = connect(Address(servers.redis_host, servers.redis_port), "tests")
    yield BoardWriter(client, "epoch", KEEP_DAYS)
    close(client)


def totals(**places: int) -> Totals:
    packed = " ".join(f"{exp} {customer}" for customer, exp in places.items())
    return Totals(packed, len(places))


def apply(writer: BoardWriter, expected: int | None, change_id: int, **places: int) -> Outcome:
    known = {} if expected is None else {BOARD: expected}
    return writer.apply({BOARD: totals(**places)}, known, change_id)[BOARD]


def scores(there: "redis.Redis") -> dict[str, int]:
    places: Any = there.zrange(KEY, 0, -1, withscores=True)
    return {member: int(score) for member, score in places}


def test_a_new_board_is_written(writer: BoardWriter, there: "redis.Redis") -> None:
    assert apply(writer, None, 5, ann=3, bob=4) is Outcome.WRITTEN
    assert scores(there) == {"ann": 3, "bob": 4}


def test_totals_are_absolute_and_none_is_no_place(
    writer: BoardWriter, there: "redis.Redis"
) -> None:
    apply(writer, None, 5, ann=3, bob=4)
    assert apply(writer, 5, 6, ann=9, bob=0) is Outcome.WRITTEN
    assert apply(writer, 6, 6, ann=9, bob=0) is Outcome.WRITTEN
    assert scores(there) == {"ann": 9}


def test_the_greatest_score_is_exact(writer: BoardWriter, there: "redis.Redis") -> None:
    apply(writer, None, 5, ann=2**53, bob=2**53 - 1)
    assert scores(there) == {"ann": 2**53, "bob": 2**53 - 1}


def test_many_places_are_written_at_once(writer: BoardWriter, there: "redis.Redis") -> None:
    apply(writer, None, 5, **{f"c{n}": n for n in range(1, 4_500)})
    assert apply(writer, 5, 6, **{f"c{n}": 0 for n in range(3, 4_500)}) is Outcome.WRITTEN
    assert scores(there) == {"c1": 1, "c2": 2}


def test_newer_changes_are_not_taken_back(writer: BoardWriter, there: "redis.Redis") -> None:
    apply(writer, None, 9, ann=9)
    assert apply(writer, 4, 8, ann=8) is Outcome.AHEAD
    assert apply(writer, None, 8, ann=8) is Outcome.AHEAD
    assert scores(there) == {"ann": 9}


def test_a_board_that_should_be_there_is_lost(writer: BoardWriter, there: "redis.Redis") -> None:
    assert apply(writer, 4, 5, ann=5) is Outcome.LOST
    assert there.dbsize() == 0


def test_a_board_below_what_it_held_is_lost(writer: BoardWriter, there: "redis.Redis") -> None:
    apply(writer, None, 5, ann=5)
    assert apply(writer, 6, 7, ann=7) is Outcome.LOST
    assert scores(there) == {"ann": 5}


@pytest.mark.parametrize(
    ("field", "value"), [("epoch", "another"), ("format", "0"), ("members", "2")]
)
def test_a_board_that_we_did_not_write_so_is_lost(
    writer: BoardWriter, there: "redis.Redis", field: str, value: str
) -> None:
    apply(writer, None, 5, ann=5)
    there.hset(keys.position(KEY), field, value)
    assert apply(writer, 5, 6, ann=6) is Outcome.LOST
    assert writer.check({BOARD: 5}) == {BOARD: Outcome.LOST}
    assert scores(there) == {"ann": 5}


@pytest.mark.parametrize("name", [KEY, keys.position(KEY)], ids=["board", "position"])
def test_half_a_board_is_lost(writer: BoardWriter, there: "redis.Redis", name: str) -> None:
    apply(writer, None, 5, ann=5)
    there.delete(name)
    assert apply(writer, 5, 6, ann=6) is Outcome.LOST
    assert apply(writer, None, 6, ann=6) is Outcome.LOST
    assert writer.check({BOARD: 5}) == {BOARD: Outcome.LOST}


@pytest.mark.parametrize("name", [KEY, keys.position(KEY)], ids=["board", "position"])
def test_a_key_of_another_kind_is_replaced(
    writer: BoardWriter, there: "redis.Redis", name: str
) -> None:
    there.set(name, "text")
    assert apply(writer, None, 5, ann=5) is Outcome.LOST
    assert writer.stage({BOARD: totals(ann=5)}, "b") == {BOARD: 1}
    assert writer.publish({BOARD: 1}, "b", 5) == {BOARD: Outcome.WRITTEN}
    assert scores(there) == {"ann": 5}


def test_a_board_is_checked_against_what_it_held(writer: BoardWriter) -> None:
    apply(writer, None, 5, ann=5)
    assert writer.check({BOARD: 5}) == {BOARD: Outcome.WRITTEN}
    assert writer.check({BOARD: 4}) == {BOARD: Outcome.WRITTEN}
    assert writer.check({BOARD: 6}) == {BOARD: Outcome.LOST}
    assert writer.check({TODAYS: 5}) == {TODAYS: Outcome.LOST}


def test_a_built_board_replaces_the_old_one_whole(
    writer: BoardWriter, there: "redis.Redis"
) -> None:
    apply(writer, None, 5, ann=5, bob=5)
    assert writer.stage({BOARD: totals(ann=6)}, "b") == {BOARD: 1}
    assert writer.stage({BOARD: totals(cyd=6)}, "b") == {BOARD: 2}
    assert scores(there) == {"ann": 5, "bob": 5}
    assert writer.publish({BOARD: 2}, "b", 6) == {BOARD: Outcome.WRITTEN}
    assert scores(there) == {"ann": 6, "cyd": 6}
    assert there.ttl(KEY) == -1
    assert apply(writer, 6, 7, ann=7) is Outcome.WRITTEN


def test_a_build_that_lost_pages_is_thrown_away(writer: BoardWriter, there: "redis.Redis") -> None:
    apply(writer, None, 5, ann=5, bob=5)
    writer.stage({BOARD: totals(ann=6)}, "b")
    assert writer.publish({BOARD: 2}, "b", 6) == {BOARD: Outcome.LOST}
    assert scores(there) == {"ann": 5, "bob": 5}
    assert set(there.scan_iter()) == {KEY, keys.position(KEY)}


def test_a_build_does_not_replace_newer_changes(writer: BoardWriter, there: "redis.Redis") -> None:
    apply(writer, None, 5, ann=5)
    writer.stage({BOARD: totals(ann=4)}, "b")
    assert writer.publish({BOARD: 1}, "b", 4) == {BOARD: Outcome.AHEAD}
    assert scores(there) == {"ann": 5}
    assert set(there.scan_iter()) == {KEY, keys.position(KEY)}


def test_a_board_without_anybody_is_complete_too(writer: BoardWriter, there: "redis.Redis") -> None:
    apply(writer, None, 5, ann=5)
    assert writer.publish({BOARD: 0}, "b", 6) == {BOARD: Outcome.WRITTEN}
    assert writer.check({BOARD: 6}) == {BOARD: Outcome.WRITTEN}
    assert not there.exists(KEY)


def test_an_abandoned_build_goes_away(writer: BoardWriter, there: "redis.Redis") -> None:
    writer.stage({BOARD: totals(ann=6)}, "b")
    assert 0 < there.ttl(keys.building(KEY, "b")) <= 600


def test_nothing_is_written_for_a_period_that_is_long_over(
    writer: BoardWriter, there: "redis.Redis"
) -> None:
    old = Board(BOARD.merchant_id, Period.DAY, date(2020, 1, 1))
    assert writer.apply({old: totals(ann=1)}, {}, 5) == {old: Outcome.EXPIRED}
    writer.stage({old: totals(ann=1)}, "b")
    assert writer.publish({old: 1}, "b", 5) == {old: Outcome.EXPIRED}
    assert writer.check({old: 5}) == {old: Outcome.EXPIRED}
    assert there.dbsize() == 0


def test_only_what_another_epoch_left_is_swept(writer: BoardWriter, there: "redis.Redis") -> None:
    apply(writer, None, 5, ann=5)
    old = keys.leaderboard(Board(MerchantId(uuid.uuid4().bytes)))
    there.zadd(old, {"ann": 1})
    assert writer.sweep([]) == 1
    assert set(there.scan_iter()) == {KEY, keys.position(KEY)}
