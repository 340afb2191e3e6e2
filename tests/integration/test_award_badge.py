"""Badges that are given by a call: once, with all that follows, and nothing when refused."""

import time
from collections.abc import Iterator
from typing import Final

import psycopg
import pytest

from gamification.adapters.postgres import merchants
from gamification.adapters.postgres.session import EngineSession
from gamification.application.award_badge import Answer, BadgeAwarder, BadgeCall
from gamification.application.rulebook_admin import activate
from gamification.application.rules import Tenants
from gamification.domain.ids import DEFAULT_MERCHANT, BadgeId, CustomerId, MerchantId
from gamification.wire.rulebook import load
from tests.names import name_badges

pytestmark = pytest.mark.servers

RULES: Final = """
rulebook: 1
earn:
  - {id: points, event: points.earned, exp: {per: points, rate: 1}}
levels: {thresholds: [0, 100], rewards: {2: {coins: 7}}}
badges:
  - {id: guest, name: badge.guest, icon: star, reward: {exp: 120, coins: 5}}
  - {id: friend, name: badge.friend, icon: star, when: {badge: guest}}
  - {id: local, name: badge.local, icon: star, eligible: {locale: known}}
  - {id: late, name: badge.late, icon: star}
"""
TOLD: Final = """
    SELECT count(*) FROM outbox JOIN topics AS t ON t.code = outbox.topic WHERE t.name = %s
"""
SHOP: Final = MerchantId(b"m" * 16)
OTHER_SHOP: Final = MerchantId(b"o" * 16)
ANNA: Final = CustomerId(b"a" * 16)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def call(badge: str, who: CustomerId = ANNA, merchant: MerchantId = SHOP) -> BadgeCall:
    return BadgeCall(merchant, who, BadgeId(badge), "tester", is_known=True)


class World:
    """One merchant with a rulebook; other merchants are unknown."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.session = EngineSession(dsn, "test")
        merchants.read(self.session, [SHOP], create=True)
        self.activate(RULES)
        self.awarder = BadgeAwarder(self.session, self.tenants(), now_ms)

    def activate(self, rules: str) -> None:
        name_badges(self.session, load(rules))
        activate(self.session, DEFAULT_MERCHANT, rules, "test", now_ms)

    def tenants(self) -> Tenants:
        return Tenants(self.session, load, create_merchants=False)

    def answers(self, *calls: BadgeCall) -> list[Answer]:
        return [reply.answer for reply in self.awarder.award(calls)]

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.dsn) as database:
            return database.execute(query.encode(), values).fetchall()

    def told(self, topic: str) -> int:
        [(count,)] = self.rows(TOLD, topic)
        return int(str(count))


@pytest.fixture
def world(database_dsn: str) -> Iterator[World]:
    made = World(database_dsn)
    yield made
    made.session.close()


def test_a_badge_comes_with_its_reward_and_with_what_follows(world: World) -> None:
    assert world.answers(call("guest")) == [Answer.AWARDED]
    assert world.rows("SELECT badge FROM customer_badges ORDER BY 1") == [("friend",), ("guest",)]
    assert world.rows("SELECT exp, coins, coins_earned, level FROM profiles") == [(120, 12, 12, 2)]
    assert world.rows("SELECT sum(exp), sum(coins) FROM ledger") == [(120, 12)]
    assert (world.told("badge.awarded"), world.told("level.up")) == (2, 1)


def test_it_is_given_once_however_often_it_is_asked_for(world: World) -> None:
    together = world.answers(call("guest"), call("guest"))
    again = world.answers(call("guest"))
    assert [*together, *again] == [Answer.AWARDED, *[Answer.ALREADY_AWARDED] * 2]
    assert world.told("badge.awarded") == 2
    assert world.rows("SELECT count(*) FROM ledger") == [(2,)]


def test_what_cannot_be_given_changes_nothing_and_spoils_nothing(world: World) -> None:
    stranger = call("late", CustomerId(b"s" * 16))._replace(is_known=False)
    answers = world.answers(
        call("local"),
        call("no-such-badge"),
        stranger,
        call("late", merchant=OTHER_SHOP),
        call("late"),
    )
    assert answers == [
        Answer.NOT_ELIGIBLE,
        Answer.UNKNOWN_BADGE,
        Answer.UNKNOWN_CUSTOMER,
        Answer.UNKNOWN_MERCHANT,
        Answer.AWARDED,
    ]
    assert world.rows("SELECT badge FROM customer_badges") == [("late",)]
    assert world.rows("SELECT count(*) FROM profiles") == [(1,)]


def test_a_customer_who_is_known_here_needs_nobodys_word(world: World) -> None:
    world.answers(call("guest"))
    assert world.answers(call("late")._replace(is_known=False)) == [Answer.AWARDED]


def test_it_is_eligible_once_the_language_is_known(world: World) -> None:
    assert world.answers(call("local")) == [Answer.NOT_ELIGIBLE]
    with psycopg.connect(world.dsn) as database:
        database.execute("UPDATE profiles SET locale = 'pt', locale_ever = true")
    [reply] = world.awarder.award([call("local")])
    assert (reply.answer, reply.locale) == (Answer.AWARDED, "pt")


def test_a_new_rulebook_holds_from_the_next_call_on(world: World) -> None:
    assert world.answers(call("brand-new")) == [Answer.UNKNOWN_BADGE]
    world.activate(RULES + "  - {id: brand-new, name: badge.new, icon: star}\n")
    assert world.answers(call("brand-new")) == [Answer.AWARDED]
