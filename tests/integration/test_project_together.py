"""Several projections at once: standing by, taking over, and waking up too late."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.devstack.server import Addresses
from gamification.adapters.redis.connection import Address
from gamification.application.project import Limits
from gamification.domain.errors import Unavailable
from tests.projection import (
    KEEP_DAYS,
    World,
    actual,
    client,
    projection,
    running,
    settled,
    turn_until_idle,
)
from tests.redis_servers import redis_server
from tests.waiting import eventually

pytestmark = pytest.mark.servers

POINTS = (
    "project.after_changes_read",
    "project.before_redis_write",
    "project.after_redis_write",
    "project.before_publish",
)
SMALL = Limits(board_keep_days=KEEP_DAYS, changes_keep_hours=24, items_max=7)


class Sleep:
    """Stops whoever reaches a point for the first time while something else is done."""

    def __init__(self, point: str, meanwhile: Callable[[], None]) -> None:
        self.point = point
        self.meanwhile = meanwhile
        self.slept = False

    def reached(self, name: str) -> None:
        if name == self.point and not self.slept:
            self.slept = True
            self.meanwhile()


@pytest.fixture
def address(servers: Addresses, redis_url: str) -> Address:
    """An empty Redis."""
    assert redis_url
    return Address(servers.redis_host, servers.redis_port)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns are by hand here, and need not wait for something; a build takes several pages."""
    monkeypatch.setattr("gamification.application.build_boards.PAGE_CUSTOMERS", 7)
    monkeypatch.setattr("gamification.application.project.WAIT_S", 0.01)
    monkeypatch.setattr("gamification.application.project.STANDBY_S", 0.01)


@pytest.fixture
def all_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everyone believes to be the only one, as one does whose lock was lost unnoticed."""
    monkeypatch.setattr("gamification.adapters.postgres.changes.try_to_lead", lambda _: True)


def test_a_second_projection_stands_by_and_takes_over(database_dsn: str, address: Address) -> None:
    with World(database_dsn) as world:
        with running(database_dsn, address) as first:
            world.something(20)
            settled(world, address)
            second = projection(database_dsn, address)
            second.turn()
            second.turn()
            assert first.change_id is not None
            assert second.change_id is None

        def took_over() -> bool:
            second.turn()
            return second.change_id is not None

        eventually(took_over)
        world.something(20)
        turn_until_idle(second, world)
        assert actual(address) == world.expected()
        second.recover()


@pytest.mark.parametrize("emptied", [False, True], ids=["", "emptied"])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.usefixtures("all_lead")
def test_a_zombie_cannot_take_a_board_back(
    database_dsn: str,
    address: Address,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    emptied: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    zombie = projection(database_dsn, address, SMALL)
    leader = projection(database_dsn, address)
    with World(database_dsn, customers=6) as world, client(address) as there:

        def leader_goes_on() -> None:
            for _ in range(5):
                world.something(10)
                turn_until_idle(leader, world)
            if emptied:
                there.flushall()
                world.something(10)
                turn_until_idle(leader, world)

        world.something(10)
        if point != "project.before_publish":
            zombie.turn()
            world.something(10)
            world.something(10)
        sleep = Sleep(point, leader_goes_on)
        for module in ("leaderboards", "build_boards"):
            monkeypatch.setattr(f"gamification.application.{module}.reached", sleep.reached)

        try:
            zombie.turn()
        except Unavailable as error:  # emptied while it built: it starts over
            zombie.recover(error)

        assert sleep.slept
        leader._check_at = 0.0
        leader.turn()
        turn_until_idle(leader, world)
        assert world.expected()
        assert actual(address) == world.expected()
        world.something(10)
        turn_until_idle(zombie, world)
        zombie._check_at = 0.0
        zombie.turn()
        assert actual(address) == world.expected()
    zombie.recover()
    leader.recover()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.usefixtures("all_lead")
def test_two_that_both_lead_still_end_right(database_dsn: str, address: Address, seed: int) -> None:
    chance = random.Random(seed)
    with (
        World(database_dsn, seed) as world,
        client(address) as there,
        running(database_dsn, address, SMALL),
        running(database_dsn, address),
    ):
        for _ in range(100):
            world.something(chance.randint(1, 10))
            if chance.random() < 0.05:
                there.flushall()
        settled(world, address)


def test_changes_are_projected_within_their_time(database_dsn: str, address: Address) -> None:
    """Not a measurement: woken by the commit, not by the fall-back poll that is long here."""
    with (
        pytest.MonkeyPatch.context() as patch,
        World(database_dsn) as world,
    ):
        patch.setattr("gamification.application.project.WAIT_S", 5.0)
        patch.setattr("gamification.application.project.CHECK_EVERY_S", 60.0)
        with running(database_dsn, address):
            world.something(20)
            settled(world, address)
            world.something(20)
            settled(world, address, within_s=2)
            world.something(20)
            settled(world, address, within_s=2)


def test_whoever_is_not_able_to_project_is_not_ready(database_dsn: str, tmp_path: Path) -> None:
    with redis_server(tmp_path) as (address, process), World(database_dsn):
        one = projection(database_dsn, address)
        with pytest.raises(Unavailable, match="starting"):
            one.check()
        one.turn()
        one.check()
        process.kill()
        one._check_at = 0.0
        with pytest.raises(Unavailable) as away:
            one.turn()
        one.recover(away.value)
        with pytest.raises(Unavailable, match="redis: "):
            one.check()
        one.recover()
