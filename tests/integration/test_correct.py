"""Operators' corrections: what they change, what they leave, and that each is made once."""

import json
from collections.abc import Iterator
from typing import Final

import psycopg
import pytest

from gamification.adapters.postgres import merchants, offsets
from gamification.adapters.postgres.session import EngineSession
from gamification.application.award import Awarder, Means, Moves
from gamification.application.correct import Corrected, Corrector, Order
from gamification.application.rulebook_admin import activate
from gamification.application.rules import Tenants
from gamification.domain.activity import Activity, Kind
from gamification.domain.errors import InvalidArgument, NotFound, Reason
from gamification.domain.ids import DEFAULT_MERCHANT, CustomerId, EventId, MerchantId, uuid_text
from gamification.wire.envelope import DeadLetter, Decoded, Record
from gamification.wire.rulebook import load
from tests.names import name_badges

pytestmark = pytest.mark.servers

RULES: Final = """
rulebook: 1
earn:
  - {id: points, event: points.earned, exp: {per: points, rate: 1}, cap: {exp: {day: 150}}}
  - id: lesson
    event: lesson.completed
    once_per: lesson_id
    exp: 10
    coins: 4
  - id: cup
    event: tournament.result
    exp: 5
    coins: {per: prize_coins, rate: 1, as: tournament_payout}
levels: {thresholds: [0, 100, 200], rewards: {2: {coins: 7}}}
badges:
  - {id: hundred, name: badge.hundred, icon: star, when: {exp: {at_least: 100}}}
"""
TOLD: Final = """
    SELECT count(*) FROM outbox JOIN topics AS t ON t.code = outbox.topic WHERE t.name = %s
"""
SHOP: Final = MerchantId(b"m" * 16)
ANNA: Final = CustomerId(b"a" * 16)
NOW_MS: Final = 1_790_000_000_000
TOPIC: Final = "points.earned", 0


class World:
    """One merchant, one customer, an award worker without Kafka and an operator."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.session = EngineSession(dsn, "test")
        merchants.read(self.session, [SHOP], create=True)
        name_badges(self.session, load(RULES))
        activate(self.session, DEFAULT_MERCHANT, RULES, "test", lambda: NOW_MS)
        tenants = Tenants(self.session, load, create_merchants=False)
        means = Means("award", ("en",), lambda: NOW_MS, no_letters)
        self._awarder = Awarder(self.session, tenants, means)
        self._next = offsets.start(self.session, "award", {TOPIC: 0})[TOPIC]
        self.corrector = Corrector(self.session, tenants, lambda: NOW_MS)

    def earn(self, number: int, kind: Kind = Kind.POINTS_EARNED, **fields: int | str) -> EventId:
        event = EventId(number.to_bytes(16))
        activity = Activity(kind, SHOP, ANNA, event, NOW_MS, fields, number)
        record = Record(*TOPIC, self._next, NOW_MS, None, b"", ())
        moves = Moves({TOPIC: self._next}, {TOPIC: self._next + 1})
        self._awarder.award([Decoded(record, activity, None)], moves)
        self._next += 1
        return event

    def award(self, *, exp: int = 0, coins: int = 0, key: str = "T-1") -> Corrected:
        return self.corrector.award(order(), exp, coins, key)

    def reverse(self, *numbers: int, event: EventId | None = None) -> Corrected:
        return self.corrector.reverse(order(), numbers, event)

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.dsn) as database:
            return database.execute(query.encode(), values or None).fetchall()

    @property
    def balances(self) -> tuple[object, ...]:
        """EXP, coins, coins earned, level, highest level."""
        [row] = self.rows("SELECT exp, coins, coins_earned, level, level_high FROM profiles")
        return row

    @property
    def sums(self) -> tuple[object, ...]:
        [row] = self.rows("SELECT sum(exp)::bigint, sum(coins)::bigint FROM ledger")
        return row

    def told(self, topic: str) -> int:
        [(count,)] = self.rows(TOLD, topic)
        return int(str(count))


def order(*, really: bool = True, reason: str = "ticket 1") -> Order:
    return Order((SHOP, ANNA), "eva", reason, really)


def no_letters(_record: Record, reason: Reason, detail: str) -> DeadLetter:
    raise AssertionError(f"nothing here is to be refused: {reason}: {detail}")


@pytest.fixture
def world(database_dsn: str) -> Iterator[World]:
    made = World(database_dsn)
    yield made
    made.session.close()


def test_awarded_exp_brings_levels_and_badges_as_earned_exp_does(world: World) -> None:
    world.earn(1, points=60)
    done = world.award(exp=50, coins=3)
    assert world.balances == (110, 10, 7, 2, 2)
    assert (done.levels, done.badges) == ([2], ["hundred"])
    assert world.sums == (110, 10)
    assert world.told("badge.awarded") == world.told("level.up") == 1


def test_coins_of_operators_do_not_count_as_earned(world: World) -> None:
    world.earn(1, points=1)
    world.award(coins=500)
    assert world.balances == (1, 500, 0, 1, 1)


def test_the_same_key_never_pays_twice(world: World) -> None:
    world.earn(1, points=1)
    world.award(coins=5)
    again = world.award(coins=5)
    assert [made.is_repeated for made in again.made] == [True]
    assert again.before == again.after
    assert world.sums == (1, 5)
    assert world.told("audit_log") == 2  # the rulebook's activation, and the one correction


def test_a_key_that_was_used_for_other_amounts_is_refused(world: World) -> None:
    world.earn(1, points=1)
    world.award(coins=5)
    with pytest.raises(InvalidArgument, match=r"^key: entry 2 has it already.*another key"):
        world.award(coins=6)
    assert world.sums == (1, 5)


def test_a_dry_run_tells_what_would_be_and_changes_nothing(world: World) -> None:
    world.earn(1, points=60)
    before = world.balances, world.rows("SELECT max(id) FROM outbox")
    done = world.corrector.award(order(really=False), 50, 3, "T-1")
    assert (done.after.exp, done.after.coins, done.after.level) == (110, 10, 2)
    assert (done.levels, done.badges) == ([2], ["hundred"])
    assert (world.balances, world.rows("SELECT max(id) FROM outbox")) == before
    assert world.sums == (60, 0)


def test_the_level_follows_the_exp_down_and_is_not_paid_or_told_again(world: World) -> None:
    world.earn(1, points=120)
    assert world.balances == (120, 7, 7, 2, 2)
    done = world.reverse(1)
    assert world.balances == (0, 7, 7, 1, 2)
    assert (done.before.level, done.after.level) == (2, 1)
    world.award(exp=130)
    assert world.balances == (130, 7, 7, 2, 2)
    assert world.told("level.up") == world.told("badge.awarded") == 1
    assert world.rows("SELECT badge FROM customer_badges") == [("hundred",)]


def test_an_event_is_taken_back_with_all_that_it_brought(world: World) -> None:
    world.earn(1, points=90)
    event = world.earn(2, points=30)
    assert world.balances == (120, 7, 7, 2, 2)
    done = world.reverse(event=event)
    assert [made.correction.reverses for made in done.made] == [2, 3]
    assert world.balances == (90, 0, 7, 1, 2)
    assert world.rows(
        "SELECT entry, exp, coins, reverses, idempotency_key, actor FROM ledger WHERE entry > 3"
        " ORDER BY 1"
    ) == [(4, -30, 0, 2, "reverse:2", "eva"), (5, 0, -7, 3, "reverse:3", "eva")]


def test_an_entry_is_taken_back_once_and_a_reversal_can_be_taken_back_itself(world: World) -> None:
    world.earn(1, points=20)
    world.reverse(1)
    again = world.reverse(1)
    assert [made.is_repeated for made in again.made] == [True]
    assert world.sums == (0, 0)
    world.reverse(2)
    assert world.sums == (20, 0)


def test_a_prize_is_taken_back_as_a_payout_and_stays_taken(world: World) -> None:
    cup: dict[str, int | str] = {"tournament_id": "cup", "outcome": "WIN", "prize_coins": 40}
    event = world.earn(1, Kind.TOURNAMENT_RESULT, **cup)
    world.reverse(event=event)
    assert world.rows(
        "SELECT amount, transaction_type, reverses FROM coin_transactions ORDER BY entry"
    ) == [(40, "tournament_payout", None), (-40, "payout_reversal", 1)]
    assert world.rows("SELECT amount, transaction_type FROM exp_transactions ORDER BY entry") == [
        (5, "rule_award"),
        (-5, "admin_award"),
    ]
    world.earn(2, Kind.TOURNAMENT_RESULT, **cup)
    assert world.sums == (5, 0)


def test_caps_and_completions_stay_used_up(world: World) -> None:
    world.earn(1, points=150)
    lesson = world.earn(2, Kind.LESSON_COMPLETED, lesson_id="l-1")
    world.reverse(1)
    world.reverse(event=lesson)
    world.earn(3, points=150)
    world.earn(4, Kind.LESSON_COMPLETED, lesson_id="l-1")
    assert world.sums == (0, 7)


def test_coins_that_are_spent_cannot_be_taken_back(world: World) -> None:
    lesson = world.earn(1, Kind.LESSON_COMPLETED, lesson_id="l-1")
    world.award(coins=-3, key="spent")
    with pytest.raises(InvalidArgument, match=r"^coins: the customer has 1 coins, and -4"):
        world.reverse(event=lesson)
    assert world.sums == (10, 1)


def test_of_several_entries_all_are_taken_back_or_none(world: World) -> None:
    world.earn(1, points=10)
    world.earn(2, Kind.LESSON_COMPLETED, lesson_id="l-1")
    world.award(coins=-4, key="spent")
    with pytest.raises(InvalidArgument):
        world.reverse(1, 2)
    assert world.sums == (20, 0)


@pytest.mark.parametrize(
    ("exp", "key", "reason", "said"),
    [
        (0, "k", "why", "exp, coins: one of them"),
        (10**9 + 1, "k", "why", "exp: -1000000000 to"),
        (1, " ", "why", "key: one line"),
        (1, "k" * 101, "why", "key: one line"),
        (1, "k", "why\nnot", "reason: one line"),
        (1, "k", "for eva@example.org", "reason: no addresses"),
        (-2, "k", "why", "exp: the customer has 1 EXP, and -2"),
    ],
)
def test_what_cannot_be_says_which_value_is_wrong(
    world: World, exp: int, key: str, reason: str, said: str
) -> None:
    world.earn(1, points=1)
    with pytest.raises(InvalidArgument, match=f"^{said}"):
        world.corrector.award(order(reason=reason), exp, 0, key)
    assert world.sums == (1, 0)


def test_who_and_what_is_not_known_is_said(world: World) -> None:
    with pytest.raises(NotFound, match="customer_id"):
        world.award(coins=1)
    world.earn(1, points=1)
    with pytest.raises(NotFound, match="entry: this customer has no entry 9"):
        world.reverse(1, 9)
    with pytest.raises(NotFound, match="event_id: it brought"):
        world.reverse(event=EventId(b"x" * 16))
    stranger = order()._replace(customer=(MerchantId(b"s" * 16), ANNA))
    with pytest.raises(NotFound, match="merchant_id"):
        world.corrector.award(stranger, 1, 0, "k")


def test_each_is_audited_and_told_to_caches_and_boards(world: World) -> None:
    world.earn(1, points=20)
    [(changed,)] = world.rows("SELECT max(id) FROM changes")
    world.reverse(1)
    [(action, actor, subject, details)] = world.rows(
        "SELECT action, actor, subject, details::text FROM audit_logs WHERE action LIKE 'corr%'"
    )
    assert (action, actor) == ("correction.reverse", "eva")
    assert subject == f"customer:{uuid_text(ANNA)}"
    assert json.loads(str(details)) == {
        "exp": "-20",
        "coins": "0",
        "entry": "2",
        "reverses": "1",
        "reason": "ticket 1",
    }
    key = f"profile:{uuid_text(SHOP)}:{uuid_text(ANNA)}"
    assert (key,) in world.rows("SELECT convert_from(key, 'UTF8') FROM outbox")
    assert world.rows("SELECT count(*) FROM changes WHERE id > %s", changed) == [(1,)]
