"""A small world for the projection: facts in Postgres, and what the boards must then say.

The expected boards are computed from the tables' rows in plain Python; no code is shared with
what writes the boards.
"""

import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from threading import Event, Thread
from types import TracebackType
from typing import Self, TypeAlias

import psycopg
import redis
from redis.cluster import RedisCluster

from gamification.adapters.redis.connection import Address
from gamification.application.project import Ends, Limits, Projection
from gamification.domain.errors import Unavailable
from tests.waiting import eventually

Standings: TypeAlias = dict[str, dict[str, int]]
"""Board's key -> customer -> EXP."""

Change: TypeAlias = tuple[uuid.UUID, uuid.UUID, date, int]
"""Merchant, customer, the day it counts on, EXP."""

KEEP_DAYS = 7
LIMITS = Limits(board_keep_days=KEEP_DAYS, changes_keep_hours=24)
TODAY = datetime.now(UTC).date()
NEVER = date(1970, 1, 1)

MEET = """
    INSERT INTO profiles (merchant_id, customer_id) VALUES (%s, %s) ON CONFLICT DO NOTHING
"""
ADD_TOTAL = "UPDATE profiles SET exp = exp + %s WHERE merchant_id = %s AND customer_id = %s"
ADD_DAY = """
    INSERT INTO customer_days AS d (merchant_id, customer_id, day, board_exp)
    VALUES (%s, %s, %s, %s)
    ON CONFLICT (merchant_id, customer_id, day, span)
    DO UPDATE SET board_exp = d.board_exp + excluded.board_exp
"""
LOCK = "SELECT pg_advisory_xact_lock(hashtext('gamification_append'), 0)"
NOTE = "INSERT INTO changes (merchant_ids, customer_ids, board_days) VALUES (%s, %s, %s)"
NOTIFY = "SELECT pg_notify('gamification_changes', '')"


class World:
    """Facts, written as an award worker would: totals, days, one change row, one commit."""

    def __init__(self, dsn: str, seed: int = 1, merchants: int = 3, customers: int = 30) -> None:
        self.dsn = dsn
        self.random = random.Random(seed)
        self.merchants = [self._id() for _ in range(merchants)]
        self.customers = [self._id() for _ in range(customers)]
        self.database = psycopg.connect(dsn, autocommit=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.database.close()

    def commit(self, *changes: Change) -> None:
        """Write these as one transaction. A day of NEVER moves the total only."""
        with self.database.transaction():
            for merchant, customer, day, exp in changes:
                self.database.execute(MEET, (merchant, customer))
                self.database.execute(ADD_TOTAL, (exp, merchant, customer))
                if day != NEVER:
                    self.database.execute(ADD_DAY, (merchant, customer, day, exp))
            self.database.execute(LOCK)
            columns = [[change[column] for change in changes] for column in range(3)]
            self.database.execute(NOTE, columns)
            self.database.execute(NOTIFY)

    def something(self, size: int = 5, days_back: int = 45) -> None:
        """Commit a few random changes: late ones, repeated ones, ones that pay nothing."""
        self.commit(*(self._change(days_back) for _ in range(size)))

    def _change(self, days_back: int) -> Change:
        day = TODAY - timedelta(days=self.random.randint(0, days_back))
        return (
            self.random.choice(self.merchants),
            self.random.choice(self.customers),
            self.random.choice([TODAY, day, day, NEVER]),
            self.random.choice([0, 1, 10, 500]),
        )

    def _id(self) -> uuid.UUID:
        return uuid.UUID(bytes=self.random.randbytes(16), version=4)

    def expected(self, today: date = TODAY) -> Standings:
        """All boards as the rows in Postgres say."""
        boards: Standings = defaultdict(lambda: defaultdict(int))
        for merchant, customer, exp in self.database.execute(
            "SELECT merchant_id, customer_id, exp FROM profiles"
        ):
            boards[f"leaderboard:{merchant}"][str(customer)] += exp
        for merchant, customer, day, exp in self.database.execute(
            "SELECT merchant_id, customer_id, day, board_exp FROM customer_days WHERE span = 0"
        ):
            for key in _period_keys(merchant, day, today):
                boards[key][str(customer)] += exp
        placed = {
            key: {customer: exp for customer, exp in places.items() if exp > 0}
            for key, places in boards.items()
        }
        return {key: places for key, places in placed.items() if places}


def _period_keys(merchant: uuid.UUID, day: date, today: date) -> Iterator[str]:
    monday = day - timedelta(days=day.weekday())
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    for letter, start, end in (
        ("d", day, day + timedelta(days=1)),
        ("w", monday, monday + timedelta(days=7)),
        ("m", first, following),
    ):
        if end + timedelta(days=KEEP_DAYS) > today:
            yield f"leaderboard:{merchant}:{letter}:{start}"


def client(address: Address) -> "redis.Redis | RedisCluster":
    """A plain client of the tests' own."""
    if address.cluster:
        return RedisCluster(host=address.host, port=address.port)
    return redis.Redis(host=address.host, port=address.port)


def actual(address: Address) -> Standings:
    """All boards as they are in Redis."""
    with client(address) as there:
        found = {}
        for key in there.scan_iter(match="leaderboard:*", count=1000):
            places = there.zrange(key, 0, -1, withscores=True)
            found[key.decode()] = {member.decode(): int(score) for member, score in places}
        return found


def settled(world: World, address: Address, within_s: float = 20) -> Standings:
    """Wait until the boards say what Postgres says, and something at all; return them."""

    def check() -> Standings:
        expected = world.expected()
        assert expected, "nothing to compare"
        assert actual(address) == expected
        return expected

    return eventually(check, within_s=within_s)


def projection(dsn: str, address: Address, limits: Limits = LIMITS) -> Projection:
    """One to be turned by hand."""
    return Projection(Ends(dsn, address), limits, Event())


def turn_until_idle(one: Projection, world: World) -> None:
    """Turn it, once at least, until the last change is projected; outages are errors here."""
    row = world.database.execute("SELECT max(id) FROM changes").fetchone()
    assert row is not None
    for _ in range(200):
        one.turn()
        if one.change_id == row[0]:
            return
    raise AssertionError(f"at change {one.change_id} after 200 turns, not at {row[0]}")


@contextmanager
def running(
    dsn: str, address: Address, limits: Limits = LIMITS, started: Callable[[], None] | None = None
) -> Iterator[Projection]:
    """One that turns in a thread of its own, and goes on after outages, as the process does."""
    stop = Event()
    one = Projection(Ends(dsn, address), limits, stop)
    failures: list[BaseException] = []

    def loop() -> None:
        while not stop.is_set():
            try:
                one.turn()
            except Unavailable as error:
                one.recover(error)
                stop.wait(0.05)
            except BaseException as error:  # noqa: BLE001 - told to the test
                failures.append(error)
                return

    thread = Thread(target=loop, name="projection")
    thread.start()
    try:
        if started is not None:
            started()
        yield one
    finally:
        stop.set()
        thread.join(15)
        one.recover()
        if failures:
            raise failures[0]
        assert not thread.is_alive(), "the projection did not stop"
