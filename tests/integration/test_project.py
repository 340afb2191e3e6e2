"""Leaderboards say what Postgres says, whatever happens to Redis, on real servers."""

import random
import uuid
from datetime import UTC, date, datetime, timedelta
from threading import Event

import psycopg
import pytest

from deploy.devstack.server import Addresses
from gamification.adapters.redis.connection import Address
from gamification.application.project import Ends, Limits, Projection
from tests.projection import (
    KEEP_DAYS,
    LIMITS,
    NEVER,
    TODAY,
    Change,
    Standings,
    World,
    actual,
    client,
    projection,
    running,
    settled,
    turn_until_idle,
)
from tests.waiting import eventually

pytestmark = pytest.mark.servers

SMALL = Limits(board_keep_days=KEEP_DAYS, changes_keep_hours=24, items_max=7)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns are by hand here, and need not wait for something; a build takes several pages."""
    monkeypatch.setattr("gamification.application.build_boards.PAGE_CUSTOMERS", 7)
    monkeypatch.setattr("gamification.application.project.WAIT_S", 0.01)


@pytest.fixture
def address(servers: Addresses, redis_url: str) -> Address:
    """An empty Redis."""
    assert redis_url
    return Address(servers.redis_host, servers.redis_port)


def test_boards_follow_what_is_committed(database_dsn: str, address: Address) -> None:
    with World(database_dsn) as world, running(database_dsn, address):
        for _ in range(5):
            for _ in range(20):
                world.something()
            settled(world, address)


@pytest.mark.parametrize("seed", range(3))
def test_boards_equal_a_rebuild_after_any_mishap(
    database_dsn: str, address: Address, seed: int
) -> None:
    """Commits, rounds, restarts and losses in random order, then one comparison."""
    chance = random.Random(seed)
    one = projection(database_dsn, address, SMALL)
    with World(database_dsn, seed) as world, client(address) as there:
        world.something()
        for _ in range(120):
            match chance.choice(
                ["commit"] * 6 + ["turn"] * 6 + ["empty", "lose", "lose", "restart"]
            ):
                case "commit":
                    world.something(chance.randint(1, 20))
                case "turn":
                    one.turn()
                case "empty":
                    there.flushall()
                case "lose":
                    everything = sorted(there.scan_iter())
                    if everything:
                        there.unlink(*chance.sample(everything, min(3, len(everything))))
                case _:
                    one.recover()  # a restart
        world.something()
        check_soon(one)
        turn_until_idle(one, world)
        one.recover()
        assert world.expected()
        assert actual(address) == world.expected()


def check_soon(one: Projection) -> None:
    """Let the next turn look at all boards, as it does every second."""
    one._check_at = 0.0


def test_an_emptied_redis_is_noticed_without_any_new_change(
    database_dsn: str, address: Address
) -> None:
    with World(database_dsn) as world, running(database_dsn, address):
        world.something(50)
        settled(world, address)
        with client(address) as there:
            there.flushall()
        settled(world, address, within_s=5)


@pytest.mark.parametrize("lost", ["leaderboard:*", "position:{leaderboard:*", "leaderboard:*:d:*"])
def test_one_lost_key_is_noticed_without_any_new_change(
    database_dsn: str, address: Address, lost: str
) -> None:
    with World(database_dsn) as world, running(database_dsn, address):
        world.something(50)
        settled(world, address)
        with client(address) as there:
            key = next(there.scan_iter(match=lost, count=1000))
            there.unlink(key)
            eventually(lambda: there.exists(key) == 1, within_s=5)
        settled(world, address)


def test_a_board_that_went_back_in_time_is_noticed(database_dsn: str, address: Address) -> None:
    """As after a failover to a replica that lagged behind."""
    one = projection(database_dsn, address)
    with World(database_dsn, merchants=1) as world, client(address) as there:
        world.something(50)
        turn_until_idle(one, world)
        key = f"leaderboard:{world.merchants[0]}"
        names = (key, f"position:{{{key}}}")
        old = [there.dump(name) for name in names]
        world.commit((world.merchants[0], world.customers[0], TODAY, 7))
        turn_until_idle(one, world)
        for name, value in zip(names, old, strict=True):
            there.restore(name, 0, value, replace=True)
        assert actual(address) != world.expected()
        check_soon(one)
        turn_until_idle(one, world)
        assert actual(address) == world.expected()
    one.recover()


def test_progress_that_went_back_in_time_only_costs_work(
    database_dsn: str, address: Address
) -> None:
    one = projection(database_dsn, address, SMALL)
    with World(database_dsn) as world, client(address) as there:
        world.something(20)
        turn_until_idle(one, world)
        old = there.dump("position:{projection}")
        for _ in range(10):
            world.something()
        turn_until_idle(one, world)
        there.restore("position:{projection}", 0, old, replace=True)
        world.something()
        turn_until_idle(one, world)
        assert actual(address) == world.expected()
    one.recover()


def test_a_restart_goes_on_where_it_was(database_dsn: str, address: Address) -> None:
    with World(database_dsn) as world, client(address) as there:
        with running(database_dsn, address):
            world.something(30)
            settled(world, address)
        epoch = there.hget("position:{projection}", "epoch")
        world.something(30)
        with running(database_dsn, address):
            settled(world, address)
        assert epoch == there.hget("position:{projection}", "epoch")


def test_boards_of_another_database_are_replaced_whole(database_dsn: str, address: Address) -> None:
    one = projection(database_dsn, address)
    with World(database_dsn) as world, client(address) as there:
        world.something(30)
        turn_until_idle(one, world)
        one.recover()
        there.zadd(f"leaderboard:{uuid.uuid4()}", {str(uuid.uuid4()): 5})
        world.database.execute("UPDATE incarnation SET id = gen_random_uuid()")
        world.database.execute("DELETE FROM profiles WHERE merchant_id = %s", (world.merchants[0],))
        world.database.execute(
            "DELETE FROM customer_days WHERE merchant_id = %s", (world.merchants[0],)
        )
        turn_until_idle(one, world)
        assert actual(address) == world.expected()
    one.recover()


def test_progress_ahead_of_the_database_starts_over(database_dsn: str, address: Address) -> None:
    """As after Postgres was restored from a backup."""
    one = projection(database_dsn, address)
    with World(database_dsn) as world, client(address) as there:
        world.something(30)
        turn_until_idle(one, world)
        one.recover()
        there.hset("position:{projection}", "id", 1_000)
        world.something(30)
        turn_until_idle(one, world)
        assert actual(address) == world.expected()
    one.recover()


def test_only_the_first_exp_brings_a_place(database_dsn: str, address: Address) -> None:
    with World(database_dsn) as world:
        merchant, customer = world.merchants[0], world.customers[0]
        other = (merchant, world.customers[1], TODAY, 5)
        with running(database_dsn, address):
            world.commit((merchant, customer, TODAY, 0), other)
            assert str(customer) not in board(settled(world, address), merchant)
            world.commit((merchant, customer, TODAY, 3))
            assert board(settled(world, address), merchant)[str(customer)] == 3


def test_exp_that_moves_to_an_earlier_day_leaves_the_later_one(
    database_dsn: str, address: Address
) -> None:
    with World(database_dsn) as world, running(database_dsn, address):
        merchant, customer = world.merchants[0], world.customers[0]
        yesterday = TODAY - timedelta(days=1)
        world.commit((merchant, customer, TODAY, 10))
        settled(world, address)
        world.commit((merchant, customer, TODAY, -10), (merchant, customer, yesterday, 10))
        said = settled(world, address)
        assert f"leaderboard:{merchant}:d:{TODAY}" not in said
        assert said[f"leaderboard:{merchant}:d:{yesterday}"] == {str(customer): 10}


def test_late_events_count_on_their_day_unless_its_boards_are_gone(
    database_dsn: str, address: Address
) -> None:
    with World(database_dsn) as world, running(database_dsn, address):
        merchant, customer = world.merchants[0], world.customers[0]
        late: list[Change] = [
            (merchant, customer, TODAY - timedelta(days=days), 1) for days in (0, 3, 8, 60, 4_000)
        ]
        world.commit(*late, (merchant, customer, NEVER, 1))
        said = settled(world, address)
        assert board(said, merchant) == {str(customer): 6}
        assert f"leaderboard:{merchant}:d:{TODAY - timedelta(days=3)}" in said
        assert f"leaderboard:{merchant}:d:{TODAY - timedelta(days=8)}" not in said


def test_boards_of_periods_go_away_by_themselves(database_dsn: str, address: Address) -> None:
    one = projection(database_dsn, address)
    with World(database_dsn) as world, client(address) as there:
        world.something(30)
        turn_until_idle(one, world)  # built
        world.something(30)
        turn_until_idle(one, world)  # written
        for key in there.scan_iter(match="leaderboard:*"):
            expires = there.expiretime(key)
            assert expires == there.expiretime(b"position:{%s}" % key)
            assert (expires > 0) == (key.count(b":") > 1)
            start = key.decode().partition(":d:")[2]
            if start:
                assert expires == midnight_s(date.fromisoformat(start), 1 + KEEP_DAYS)
    one.recover()


def test_when_the_clock_goes_back_the_days_that_were_left_out_return(
    database_dsn: str, address: Address
) -> None:
    day = TODAY
    one = Projection(Ends(database_dsn, address), LIMITS, Event(), today=lambda: day)
    with World(database_dsn) as world:
        world.something(50)
        turn_until_idle(one, world)
        day = TODAY + timedelta(days=100)
        world.something(50)
        check_soon(one)
        turn_until_idle(one, world)
        assert {key.count(":") for key in actual(address)} == {1}
        day = TODAY
        world.something(50)
        turn_until_idle(one, world)
        assert actual(address) == world.expected()
    one.recover()


def test_boards_can_be_kept_for_longer_later_on(database_dsn: str, address: Address) -> None:
    short = projection(database_dsn, address, Limits(board_keep_days=1, changes_keep_hours=1))
    longer = projection(database_dsn, address)
    with World(database_dsn) as world:
        world.something(50)
        turn_until_idle(short, world)
        short.recover()
        turn_until_idle(longer, world)
        assert actual(address) == world.expected()
    longer.recover()


def test_consumed_changes_are_dropped_and_the_rest_is_kept(
    database_dsn: str, address: Address
) -> None:
    one = projection(database_dsn, address)
    with World(database_dsn) as world:
        world.something()
        turn_until_idle(one, world)
        world.database.execute("UPDATE changes SET created_at = now() - interval '25 hours'")
        world.database.execute("SELECT setval('changes_id_seq', 1000001)")
        world.something()
        one._upkeep_at = 0.0
        turn_until_idle(one, world)  # the position is still in the first partition
        assert partitions(world.database)[0] == "changes_0"
        one._upkeep_at = 0.0
        turn_until_idle(one, world)
        assert partitions(world.database)[0] == "changes_1000000"
        assert partitions(world.database)[-1] == "changes_3000000"
        one.recover()
        with client(address) as there:
            there.hset("position:{projection}", "id", 5)  # below what is retained
        world.database.execute("UPDATE profiles SET exp = exp + 1")
        turn_until_idle(one, world)
        assert actual(address) == world.expected()
    one.recover()


def board(standings: Standings, merchant: uuid.UUID) -> dict[str, int]:
    return standings[f"leaderboard:{merchant}"]


def partitions(database: "psycopg.Connection[tuple[str]]") -> list[str]:
    found = database.execute("SELECT relname FROM pg_class WHERE relname ~ '^changes_[0-9]+$'")
    return sorted((row[0] for row in found), key=lambda name: int(name.partition("_")[2]))


def midnight_s(day: date, days_later: int) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=days_later)
    return int(midnight.timestamp())
