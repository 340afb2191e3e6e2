"""What `rules check` says about a rulebook that loads."""

import pytest

from gamification.wire.rulebook import load, summary


def warnings_about(text: str) -> list[str]:
    lines = summary(load(f"rulebook: 1\n{text}"))
    return [line.removeprefix("warning: ") for line in lines if line.startswith("warning: ")]


def test_counts() -> None:
    text = """\
rulebook: 1
levels: {thresholds: [0, 10, 30], rewards: {2: {coins: 5}, 3: {badges: [gift]}}}
earn:
  - {id: a, event: points.earned, exp: 5}
  - {id: b, event: points.earned, coins: 5}
  - {id: c, event: lesson.completed, exp: 5}
streak: {events: [points.earned], freezes: 2}
badges:
  - {id: gift, name: badge.gift, icon: x}
  - {id: call, name: badge.call, icon: x}
  - {id: rich, name: badge.rich, icon: x, when: exp, tiers: {bronze: 5, gold: 50}}
"""

    assert summary(load(text)) == [
        "levels: 3, the highest at 30 EXP; rewards at 2, 3",
        "earn: 3 rules (lesson.completed 1, points.earned 2)",
        "streak: points.earned; freezes: 2",
        "badges: 3, 4 with every tier",
        "given by a call only: call",
    ]


def test_the_shortest_rulebook() -> None:
    assert summary(load("rulebook: 1")) == [
        "levels: 1, the highest at 0 EXP",
        "earn: 0 rules",
        "streak: none",
        "badges: 0, 0 with every tier",
    ]


@pytest.mark.parametrize(
    ("when", "reached"),
    [
        ("{exp: {at_least: 1}}", False),
        ("{coins_earned: {at_least: 1}}", False),
        ("{level: {at_least: 2}}", False),
        ("{streak: {at_least: 1}}", False),
        ("{badge: never}", False),
        ("{count: points.earned, at_least: 1}", True),
        ("{badge: by-call}", True),
        ("{all: [{count: points.earned, at_least: 1}, {streak: {at_least: 1}}]}", False),
        ("{any: [{count: points.earned, at_least: 1}, {streak: {at_least: 1}}]}", True),
    ],
)
def test_badges_out_of_reach_where_nothing_is_earned(when: str, *, reached: bool) -> None:
    text = f"""\
badges:
  - {{id: never, name: badge.never, icon: x, when: {{exp: {{at_least: 5}}}}}}
  - {{id: by-call, name: badge.call, icon: x}}
  - {{id: it, name: badge.it, icon: x, when: {when}}}
"""

    assert ("badge it can never be reached" not in warnings_about(text)) is reached


def test_a_level_and_a_tier_above_the_table_and_what_hangs_on_them() -> None:
    text = """\
levels: {thresholds: [0, 10]}
earn: [{id: a, event: points.earned, exp: 5}]
badges:
  - {id: high, name: badge.high, icon: x, when: level, tiers: {two: 2, three: 3}}
  - {id: after, name: badge.after, icon: x, when: {badge: high.three}}
  - {id: gift, name: badge.gift, icon: x}
  - {id: giver, name: badge.giver, icon: x, when: {badge: after}, reward: {badges: [gift]}}
"""

    assert warnings_about(text) == [
        "badge high.three can never be reached",
        "badge after can never be reached",
        "badge gift can never be reached",
        "badge giver can never be reached",
    ]


@pytest.mark.parametrize(
    ("cap", "idle"),
    [
        ("{day: 5, week: 34}", []),
        ("{day: 5, week: 35}", ["week"]),
        ("{day: 5, week: 5}", ["day"]),
        ("{day: 5, week: 30, ever: 30}", ["week"]),
        ("{day: 5, ever: 5}", ["day"]),
        ("{week: 5, ever: 6}", []),
    ],
)
def test_caps_that_another_one_makes_idle(cap: str, idle: list[str]) -> None:
    text = f"earn: [{{id: a, event: points.earned, exp: 1, cap: {{exp: {cap}}}}}]\n"

    assert warnings_about(text) == [
        f"rule a: the exp cap by {window} is never reached" for window in idle
    ]


def test_taking_coins_depends_on_order() -> None:
    (warning,) = warnings_about(
        "earn: [{id: stake, event: activity.recorded, coins: {per: amount, as: bet}}]\n"
    )

    assert warning.startswith("rule stake: takes coins (bet)")
