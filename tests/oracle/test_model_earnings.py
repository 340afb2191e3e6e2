"""The model pays what the decided details say: rates, caps, completions, prizes, days."""

from datetime import date
from typing import Any

import pytest

from gamification.domain.activity import Activity, Kind
from gamification.domain.ids import CustomerId, MerchantId, RuleId
from gamification.domain.rulebook import Cap, CoinType, EarnRule, Rulebook, StreakRule
from tests.oracle.builders import (
    ANNA,
    MERCHANT,
    anna,
    did,
    earn,
    lesson,
    per,
    points,
    update,
    when,
    win,
)
from tests.oracle.expected import Amounts, MerchantSettings
from tests.oracle.model import expected

BERLIN = "Europe/Berlin"
TOKYO = "Asia/Tokyo"


def paying(*rules: EarnRule, timezone: str | None = None) -> Rulebook:
    return Rulebook(earn=rules, timezone=timezone)


def test_rates_floor_for_each_activity_and_not_for_their_sum() -> None:
    tenth = paying(earn(coins=per("points", 1, 10)))

    assert anna(tenth, points(19), points(19)).coins == 2


def test_a_negative_amount_pays_nothing_instead_of_taking() -> None:
    rule = paying(earn(Kind.ACTIVITY_RECORDED, exp=per("amount", 2)))
    spent = did(Kind.ACTIVITY_RECORDED, amount=-50)

    assert anna(rule, did(Kind.ACTIVITY_RECORDED, amount=10), spent).exp == 20


def test_a_rate_of_a_missing_field_pays_nothing() -> None:
    assert (
        anna(
            paying(earn(Kind.ACTIVITY_RECORDED, exp=per("amount"))), did(Kind.ACTIVITY_RECORDED)
        ).exp
        == 0
    )


@pytest.mark.parametrize(
    ("operator", "value", "holds"),
    [
        ("==", 60, True),
        ("==", 61, False),
        ("!=", 61, True),
        ("!=", 60, False),
        ("<", 61, True),
        ("<", 60, False),
        ("<=", 60, True),
        ("<=", 59, False),
        (">", 59, True),
        (">", 60, False),
        (">=", 60, True),
        (">=", 61, False),
        ("in", (1, 60), True),
        ("in", (1, 2), False),
    ],
)
def test_each_operator_compares_as_it_reads(operator: str, value: int, holds: bool) -> None:  # noqa: FBT001
    rule = paying(earn(Kind.LESSON_COMPLETED, when("score", operator, value), exp=7))

    assert anna(rule, lesson("a", score=60)).exp == (7 if holds else 0)


@pytest.mark.parametrize("operator", ["==", "!=", "<", "<=", ">", ">=", "in"])
def test_no_condition_holds_on_a_missing_field(operator: str) -> None:
    value = (60,) if operator == "in" else 60
    rule = paying(earn(Kind.LESSON_COMPLETED, when("score", operator, value), exp=7))

    assert anna(rule, lesson("a")).exp == 0


def test_every_rule_that_matches_pays() -> None:
    both = paying(earn(rule="flat", exp=5), earn(rule="rate", exp=per("points")))

    got = anna(both, points(30))

    assert got.exp == 35
    assert got.rules == {RuleId("flat"): Amounts(exp=5), RuleId("rate"): Amounts(exp=30)}


# 2026-03-02 is a Monday, 2026-03-08 the Sunday of that week.
CAPPED = [
    (Cap(day=100), [("2026-03-02", 70), ("2026-03-02", 70)], 100),
    (Cap(day=100), [("2026-03-02", 70), ("2026-03-03", 70)], 140),
    (Cap(week=100), [("2026-03-02", 70), ("2026-03-08", 70)], 100),
    (Cap(week=100), [("2026-03-08", 70), ("2026-03-09", 70)], 140),
    (Cap(ever=100), [("2026-03-02", 70), ("2027-03-02", 70)], 100),
    (Cap(day=10, week=15), [("2026-03-02", 20), ("2026-03-03", 20)], 15),
    (Cap(day=10, week=15, ever=22), [("2026-03-02", 9), ("2026-03-03", 20), ("2026-03-09", 8)], 22),
    (Cap(day=0), [("2026-03-02", 70)], 0),
]


@pytest.mark.parametrize(("cap", "raws", "total"), CAPPED)
def test_caps_bind_day_by_day_then_week_by_week_then_ever(
    cap: Cap, raws: list[tuple[str, int]], total: int
) -> None:
    rule = paying(earn(exp=per("points"), exp_cap=cap))

    assert anna(rule, *(points(raw, day) for day, raw in raws)).exp == total


def test_caps_are_each_rules_and_each_currencys_own() -> None:
    book = paying(
        earn(rule="a", exp=per("points"), exp_cap=Cap(day=10), coins=per("points")),
        earn(rule="b", exp=per("points"), exp_cap=Cap(day=20), coins_cap=Cap(day=7), coins=1),
    )

    got = anna(book, points(50))

    assert got.rules == {RuleId("a"): Amounts(10, 50), RuleId("b"): Amounts(20, 1)}


def once(**more: Any) -> EarnRule:
    return earn(
        Kind.LESSON_COMPLETED,
        when("score", ">=", 60),
        once_per="course_id",
        exp=50,
        coins=5,
        **more,
    )


def test_a_repeated_completion_pays_once_for_each_value() -> None:
    got = anna(
        paying(once()),
        lesson("1", course_id="x", score=80),
        lesson("2", course_id="x", score=90),
        lesson("3", course_id="y", score=90),
    )

    assert (got.exp, got.coins) == (100, 10)
    assert got.completed == {RuleId("rule"): frozenset({"x", "y"})}


def test_a_completion_is_remembered_only_when_the_conditions_hold() -> None:
    failed = lesson("1", course_id="x", score=10)

    assert anna(paying(once()), failed).completed == {}
    assert anna(paying(once()), failed, lesson("1", course_id="x", score=60)).exp == 50


def test_a_completion_without_the_field_pays_nothing() -> None:
    assert anna(paying(once()), lesson("1", score=80)).exp == 0


def test_an_ever_cap_binds_the_sum_of_completions() -> None:
    got = anna(
        paying(once(exp_cap=Cap(ever=70))),
        lesson("1", course_id="x", score=80),
        lesson("1", course_id="y", score=80),
    )

    assert (got.exp, got.coins) == (70, 10)


PRIZE = earn(
    Kind.TOURNAMENT_RESULT,
    when("outcome", "==", "WIN"),
    rule="win",
    exp=100,
    coins=per("prize_coins"),
    coins_as=CoinType.TOURNAMENT_PAYOUT,
)


def test_one_prize_told_twice_refuses_only_the_coins() -> None:
    got = anna(paying(PRIZE), win(30, match_id="m"), win(30, match_id="m"))

    assert (got.exp, got.coins) == (200, 30)
    assert got.refused == {RuleId("win"): 1}
    assert got.prizes == {(RuleId("win"), "t1", "m")}


def test_other_matches_tournaments_and_rules_are_other_prizes() -> None:
    second = earn(
        Kind.TOURNAMENT_RESULT, rule="bonus", coins=1, coins_as=CoinType.TOURNAMENT_PAYOUT
    )
    got = anna(
        paying(PRIZE, second), win(30), win(30, match_id="m"), win(30, tournament="t2"), win(30)
    )

    assert got.coins == 3 * 30 + 3 * 1
    assert got.refused == {RuleId("win"): 1, RuleId("bonus"): 1}


def test_a_prize_of_nothing_takes_no_key() -> None:
    got = anna(paying(PRIZE), win(0), win(30))

    assert (got.coins, got.refused) == (30, {})


def test_different_prizes_under_one_key_are_beyond_the_model() -> None:
    with pytest.raises(ValueError, match="different prizes"):
        anna(paying(PRIZE), win(30), win(40))


def test_coins_earned_leave_out_deposits() -> None:
    deposit = earn(
        Kind.ACTIVITY_RECORDED, rule="pay-in", coins=per("amount"), coins_as=CoinType.DEPOSIT
    )
    got = anna(
        paying(PRIZE, deposit, earn(coins=3)),
        win(30),
        did(Kind.ACTIVITY_RECORDED, amount=1000),
        points(1),
    )

    assert (got.coins, got.coins_earned) == (1033, 33)


def test_spending_is_refused_because_its_order_matters() -> None:
    with pytest.raises(ValueError, match="spends"):
        anna(paying(earn(coins=3, coins_as=CoinType.BET)), points(1))


LATE_EVENING = "2026-03-02 23:30"
"""UTC: Tuesday in Berlin and Tokyo."""


@pytest.mark.parametrize(
    ("own", "rulebook", "merchant", "day"),
    [
        (None, None, None, date(2026, 3, 2)),
        (None, None, TOKYO, date(2026, 3, 3)),
        (None, "America/Lima", TOKYO, date(2026, 3, 2)),
        (BERLIN, "America/Lima", "America/Lima", date(2026, 3, 3)),
        ("UTC", BERLIN, TOKYO, date(2026, 3, 2)),
    ],
)
def test_the_local_day_is_the_customers_else_the_rulebooks_else_the_merchants_else_utc(
    own: str | None, rulebook: str | None, merchant: str | None, day: date
) -> None:
    book = Rulebook(timezone=rulebook, streak=StreakRule(events=frozenset({Kind.POINTS_EARNED})))
    known: list[Activity] = [update("2026-01-01", timezone=own)] if own else []

    got = anna(
        book, *known, points(1, LATE_EVENING), merchants={MERCHANT: MerchantSettings(merchant)}
    )

    assert got.active_days == {day}


def test_an_id_belongs_to_a_merchant_and_so_does_a_customer() -> None:
    other = MerchantId(b"other merchant--")
    mine = did(Kind.POINTS_EARNED, event=b"e" * 16, points=5)
    theirs = did(Kind.POINTS_EARNED, event=b"e" * 16, merchant=other, points=7)

    got = expected([mine, theirs], paying(earn(exp=per("points"))))

    assert {person: profile.exp for person, profile in got.items()} == {
        (MERCHANT, ANNA): 5,
        (other, CustomerId(ANNA)): 7,
    }


def test_duplicates_are_the_callers_to_remove() -> None:
    with pytest.raises(ValueError, match="distinct"):
        expected([did(Kind.POINTS_EARNED, event=b"e" * 16)] * 2, Rulebook())


def test_each_merchant_has_its_own_rulebook_else_the_default() -> None:
    own, rest = MerchantId(b"own-------------"), MerchantId(b"rest------------")
    books = {own: paying(earn(exp=1)), MerchantId(bytes(16)): paying(earn(exp=2))}

    got = expected([did(Kind.POINTS_EARNED, merchant=each) for each in (own, rest)], books)

    assert {person[0]: profile.exp for person, profile in got.items()} == {own: 1, rest: 2}
