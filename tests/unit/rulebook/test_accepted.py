"""Every form of the rule language, and the value that it stands for."""

import pytest

from gamification.domain.activity import Kind
from gamification.domain.ids import BadgeId, RuleId
from gamification.domain.rulebook import (
    AllOf,
    Amount,
    AnyOf,
    AtLeast,
    BadgeRule,
    Cap,
    CoinType,
    Condition,
    Criterion,
    EarnRule,
    EventMetric,
    HasBadge,
    Levels,
    Metric,
    Operator,
    ProfileMetric,
    Reward,
    Rulebook,
    StreakRule,
    Tally,
    Window,
)
from gamification.wire.rulebook import load


def rule(text: str) -> EarnRule:
    return load(f"rulebook: 1\nearn:\n  - {{id: r, {text}}}\n").earn[0]


def criterion(text: str) -> Criterion | None:
    return badge(f"when: {text}").when


def badge(text: str) -> BadgeRule:
    others = "  - {id: other, name: badge.other, icon: x}\n"
    tiered = "  - {id: tiered, name: badge.tiered, icon: x, when: exp, tiers: {gold: 5}}\n"
    it = f"  - {{id: it, name: badge.it, icon: x, {text}}}\n"
    return load(f"rulebook: 1\nbadges:\n{it}{others}{tiered}").badges[0]


def test_the_shortest_rulebook_says_nothing() -> None:
    assert load("rulebook: 1") == Rulebook()


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("7", Amount(7)),
        ("{fixed: 7}", Amount(7)),
        ("{per: points}", Amount(1, 1, "points")),
        ("{per: points, rate: 3}", Amount(3, 1, "points")),
        ("{per: points, rate: 1/10}", Amount(1, 10, "points")),
        ('{per: points, rate: "2/4"}', Amount(1, 2, "points")),
        ("{per: points, rate: 1000}", Amount(1000, 1, "points")),
    ],
)
def test_amounts(text: str, amount: Amount) -> None:
    earned = rule(f"event: points.earned, exp: {text}, coins: {text}")

    assert (earned.exp, earned.coins) == (amount, amount)


@pytest.mark.parametrize(
    ("text", "coins_as"),
    [
        ("5", CoinType.RULE_AWARD),
        ("{fixed: 5, as: rule_award}", CoinType.RULE_AWARD),
        ("{fixed: 5, as: tournament_payout}", CoinType.TOURNAMENT_PAYOUT),
        ("{per: prize_coins, as: tournament_payout}", CoinType.TOURNAMENT_PAYOUT),
        ("{fixed: 5, as: deposit}", CoinType.DEPOSIT),
        ("{per: duration_s, as: withdrawal}", CoinType.WITHDRAWAL),
        ("{fixed: 5, as: bet}", CoinType.BET),
    ],
)
def test_coin_types(text: str, coins_as: CoinType) -> None:
    assert rule(f"event: tournament.result, coins: {text}").coins_as is coins_as


def test_caps_of_both_currencies() -> None:
    earned = rule(
        "event: points.earned, exp: 1, coins: 1,"
        " cap: {exp: {day: 1, week: 2, ever: 3}, coins: {ever: 4}}"
    )

    assert earned.exp_cap == Cap(day=1, week=2, ever=3)
    assert earned.coins_cap == Cap(ever=4)


def test_first_times_may_have_a_cap_for_ever() -> None:
    earned = rule("event: lesson.completed, once_per: lesson_id, exp: 5, cap: {exp: {ever: 50}}")

    assert earned == EarnRule(
        id=RuleId("r"),
        event=Kind.LESSON_COMPLETED,
        once_per="lesson_id",
        exp=Amount(5),
        exp_cap=Cap(ever=50),
    )


@pytest.mark.parametrize(
    ("event", "where", "conditions"),
    [
        ("lesson.completed", "{score: 60}", [("score", Operator.EQ, 60)]),
        ("lesson.completed", "{score: -1}", [("score", Operator.EQ, -1)]),
        ("lesson.completed", '{score: {"!=": 60}}', [("score", Operator.NE, 60)]),
        (
            "lesson.completed",
            '{score: {">=": 60, "<": 90}, course_id: "7"}',
            [
                ("score", Operator.GE, 60),
                ("score", Operator.LT, 90),
                ("course_id", Operator.EQ, "7"),
            ],
        ),
        (
            "lesson.completed",
            '{score: {">": 60, "<=": 90}}',
            [("score", Operator.GT, 60), ("score", Operator.LE, 90)],
        ),
        ("lesson.completed", "{course_id: {in: [a, no, on]}}", None),
        (
            "activity.recorded",
            "{attributes.channel: {in: [app]}, activity_type: login}",
            [
                ("attributes.channel", Operator.IN, ("app",)),
                ("activity_type", Operator.EQ, "login"),
            ],
        ),
    ],
)
def test_conditions(
    event: str, where: str, conditions: list[tuple[str, Operator, int | str]] | None
) -> None:
    if conditions is None:
        conditions = [("course_id", Operator.IN, ("a", "no", "on"))]  # type: ignore[list-item]

    earned = rule(f"event: {event}, exp: 1, where: {where}")

    assert earned.where == tuple(Condition(*condition) for condition in conditions)


@pytest.mark.parametrize(
    ("text", "thresholds"),
    [
        ("{thresholds: [0]}", (0,)),
        ("{thresholds: [0, 5, 9]}", (0, 5, 9)),
        ("{thresholds: [0, 5], beyond: {step: 10, max: 4}}", (0, 5, 15, 25)),
        ("{thresholds: [0], beyond: {step: 10, growth: 3/2, max: 5}}", (0, 10, 25, 47, 80)),
        ("{formula: {base: 10, growth: 3/2, max: 5}}", (0, 10, 25, 47, 80)),
        ("{formula: {base: 3, growth: 2, max: 4}}", (0, 3, 9, 21)),
        ("{formula: {base: 1, growth: 999999/999998, max: 4}}", (0, 1, 2, 3)),
    ],
)
def test_level_tables(text: str, thresholds: tuple[int, ...]) -> None:
    assert load(f"rulebook: 1\nlevels: {text}\n").levels == Levels(thresholds=thresholds)


def test_the_highest_level_and_the_highest_threshold() -> None:
    top = load("rulebook: 1\nlevels: {formula: {base: 9007199254740, max: 1000}}").levels

    assert len(top.thresholds) == 1000
    assert top.thresholds[-1] < 2**53


def test_streaks() -> None:
    text = "rulebook: 1\nstreak: {events: [activity.recorded, tournament.result], freezes: 365}\n"
    events = frozenset({Kind.ACTIVITY_RECORDED, Kind.TOURNAMENT_RESULT})

    assert load(text).streak == StreakRule(events=events, freezes=365)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{exp: {at_least: 3}}", AtLeast(ProfileMetric.EXP, 3)),
        ("{exp: {more_than: 3}}", AtLeast(ProfileMetric.EXP, 4)),
        ("{coins_earned: {more_than: 0}}", AtLeast(ProfileMetric.COINS_EARNED, 1)),
        ("{level: {more_than: 1}}", AtLeast(ProfileMetric.LEVEL, 2)),
        ("{streak: {at_least: 1}}", AtLeast(ProfileMetric.STREAK, 1)),
        ("{badge: other}", HasBadge(BadgeId("other"))),
        ("{badge: tiered}", HasBadge(BadgeId("tiered"))),
        ("{badge: tiered.gold}", HasBadge(BadgeId("tiered.gold"))),
        (
            "{any: [{badge: other}, {all: [{exp: {at_least: 1}}]}]}",
            AnyOf((HasBadge(BadgeId("other")), AllOf((AtLeast(ProfileMetric.EXP, 1),)))),
        ),
    ],
)
def test_criteria(text: str, expected: Criterion) -> None:
    assert criterion(text) == expected


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("count: customer.updated", EventMetric(tally=Tally.COUNT, event=Kind.CUSTOMER_UPDATED)),
        (
            "sum: activity.recorded.amount, within: month",
            EventMetric(
                tally=Tally.SUM,
                event=Kind.ACTIVITY_RECORDED,
                field="amount",
                within=Window.MONTH,
            ),
        ),
        (
            "distinct: activity.recorded.attributes.a.b, within: day, where: {amount: 5}",
            EventMetric(
                tally=Tally.DISTINCT,
                event=Kind.ACTIVITY_RECORDED,
                field="attributes.a.b",
                where=(Condition("amount", Operator.EQ, 5),),
                within=Window.DAY,
            ),
        ),
    ],
)
def test_event_metrics_compared_and_tiered(text: str, metric: Metric) -> None:
    assert criterion(f"{{{text}, at_least: 2}}") == AtLeast(metric, 2)
    assert criterion(f"{{{text}, more_than: 2}}") == AtLeast(metric, 3)

    tiered = badge(f"when: {{{text}}}, tiers: {{low: 2, high: 3}}")
    assert (tiered.when, tiered.tier_metric) == (None, metric)
    assert list(tiered.tiers.items()) == [("low", 2), ("high", 3)]


@pytest.mark.parametrize("metric", ProfileMetric)
def test_tiers_of_what_a_profile_holds(metric: ProfileMetric) -> None:
    assert badge(f"when: {metric}, tiers: {{low: 2}}").tier_metric is metric


def test_rewards_and_eligibility() -> None:
    it = badge(
        "reward: {exp: 1, coins: 2, badges: [other, tiered.gold]}, eligible: {locale: known}"
    )

    assert it.reward == Reward(exp=1, coins=2, badges=(BadgeId("other"), BadgeId("tiered.gold")))
    assert it.locale_known


def test_words_that_other_yaml_takes_for_truth_or_dates_are_text() -> None:
    earned = rule("event: lesson.completed, exp: 1, where: {course_id: {in: [off, 2026-01-02]}}")

    assert earned.where[0].value == ("off", "2026-01-02")
