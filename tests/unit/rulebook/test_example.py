"""The example that everyone copies from says what its comments say."""

from pathlib import Path

from gamification.domain.activity import Kind
from gamification.domain.ids import BadgeId
from gamification.domain.rulebook import (
    AllOf,
    Amount,
    AnyOf,
    AtLeast,
    Cap,
    CoinType,
    Condition,
    EventMetric,
    HasBadge,
    Operator,
    ProfileMetric,
    Reward,
    StreakRule,
    Tally,
    Window,
)
from gamification.wire.rulebook import load

EXAMPLE = Path(__file__).parents[3] / "schemas" / "rulebooks" / "example.yaml"
RULEBOOK = load(EXAMPLE.read_text(), EXAMPLE.name)
RULES = {str(rule.id): rule for rule in RULEBOOK.earn}
BADGES = {str(badge.id): badge for badge in RULEBOOK.badges}


def test_levels_go_on_as_the_comment_says() -> None:
    thresholds = RULEBOOK.levels.thresholds

    assert thresholds[:7] == (0, 100, 250, 500, 900, 1400, 2025)
    assert len(thresholds) == 50
    assert RULEBOOK.levels.rewards == {
        5: Reward(coins=50),
        10: Reward(coins=100, badges=(BadgeId("veteran"),)),
    }


def test_points_pay_rates_under_caps() -> None:
    points = RULES["points"]

    assert points.exp == Amount(1, 1, "points")
    assert points.coins == Amount(1, 10, "points")
    assert points.exp_cap == Cap(day=2000, week=8000)
    assert points.coins_cap is None


def test_a_lesson_pays_once_when_passed() -> None:
    lesson = RULES["lesson"]

    assert lesson.where == (Condition("score", Operator.GE, 60),)
    assert lesson.once_per == "lesson_id"
    assert (lesson.exp, lesson.coins) == (Amount(50), Amount(5))


def test_a_win_pays_its_prize() -> None:
    win = RULES["win"]

    assert win.where == (Condition("outcome", Operator.EQ, "WIN"),)
    assert win.coins == Amount(1, 1, "prize_coins")
    assert win.coins_as is CoinType.TOURNAMENT_PAYOUT


def test_timezone_and_streak() -> None:
    assert RULEBOOK.timezone == "Europe/Berlin"
    assert RULEBOOK.streak == StreakRule(
        events=frozenset({Kind.LESSON_COMPLETED, Kind.POINTS_EARNED}), freezes=1
    )


def test_badges_take_what_is_written() -> None:
    points = EventMetric(tally=Tally.SUM, event=Kind.POINTS_EARNED, field="points")
    wins = EventMetric(
        tally=Tally.COUNT,
        event=Kind.TOURNAMENT_RESULT,
        where=(Condition("outcome", Operator.EQ, "WIN"),),
        within=Window.WEEK,
    )

    assert BADGES["collector"].tier_metric == points
    assert BADGES["collector"].tiers == {"bronze": 100, "silver": 1000, "gold": 10000}
    assert BADGES["week-on-fire"].when == AtLeast(ProfileMetric.STREAK, 7)
    assert BADGES["champion-of-the-week"].when == AtLeast(wins, 3)
    assert BADGES["veteran"].when is None
    assert BADGES["legend"].locale_known
    assert BADGES["legend"].when == AllOf(
        (
            AtLeast(ProfileMetric.LEVEL, 10),
            HasBadge(BADGES["week-on-fire"].id),
            AnyOf(
                (
                    AtLeast(ProfileMetric.EXP, 50000),
                    AtLeast(ProfileMetric.COINS_EARNED, 5000),
                )
            ),
        )
    )
