"""The model's badges, levels, streaks and settings, case by case."""

from datetime import date, timedelta
from typing import Any

import pytest

from gamification.domain.activity import Kind
from gamification.domain.ids import BadgeId
from gamification.domain.rulebook import (
    AllOf,
    AnyOf,
    AtLeast,
    BadgeRule,
    EventMetric,
    HasBadge,
    Levels,
    Metric,
    ProfileMetric,
    Reward,
    Rulebook,
    StreakRule,
    Tally,
    Window,
)
from tests.oracle.builders import anna, badge, did, earn, lesson, per, points, update, when, win
from tests.oracle.metrics import streaks

DAYS = frozenset({Kind.POINTS_EARNED})
PAYS = (earn(exp=per("points")),)
LEVELS = Levels(thresholds=(0, 100, 250, 500))


def book(*badges: BadgeRule, levels: Levels = LEVELS, freezes: int = 0) -> Rulebook:
    return Rulebook(
        levels=levels, earn=PAYS, badges=badges, streak=StreakRule(events=DAYS, freezes=freezes)
    )


def counting(tally: Tally, event: Kind, field: str | None = None, **more: Any) -> EventMetric:
    return EventMetric(tally=tally, event=event, field=field, **more)


@pytest.mark.parametrize(
    ("active", "freezes", "current", "longest"),
    [
        ("", 0, 0, 0),
        ("1", 0, 1, 1),
        ("1 2 3", 0, 3, 3),
        ("1 2 4", 0, 1, 2),
        ("1 2 4", 1, 3, 3),
        ("1 2 5", 1, 1, 2),
        ("1 2 5", 2, 3, 3),
        ("1 3 5", 1, 2, 2),
        ("1 2 3 5 7 8", 1, 3, 4),
        ("1 2 3 5 7 8", 2, 6, 6),
        ("1 2 3 10", 1, 1, 3),
    ],
)
def test_a_run_is_an_interval_with_at_most_so_many_missing_days(
    active: str, freezes: int, current: int, longest: int
) -> None:
    days = frozenset(date(2026, 3, int(day)) for day in active.split())

    assert streaks(days, freezes) == (current, longest)


def test_one_more_active_day_never_shortens_the_longest_streak() -> None:
    start = date(2026, 3, 1)
    week = [start + timedelta(days=offset) for offset in range(8)]
    for mask in range(256):
        days = {day for bit, day in enumerate(week) if mask >> bit & 1}
        for more in week:
            assert streaks(frozenset(days | {more}), 1)[1] >= streaks(frozenset(days), 1)[1]


def test_only_named_kinds_make_a_day_active_and_without_conditions() -> None:
    got = anna(book(), points(1, "2026-03-01"), lesson("a", "2026-03-02"), points(1, "2026-03-02"))

    assert got.active_days == {date(2026, 3, 1), date(2026, 3, 2)}
    assert (got.current_streak, got.longest_streak) == (2, 2)


@pytest.mark.parametrize(
    ("exp", "level"), [(1, 1), (99, 1), (100, 2), (499, 3), (500, 4), (9999, 4)]
)
def test_the_level_is_the_level_of_the_exp(exp: int, level: int) -> None:
    got = anna(book(), points(exp))

    assert got.level == level
    assert list(got.levels_announced) == list(range(2, level + 1))


def test_every_level_crossed_pays_its_reward_and_gives_its_badges() -> None:
    rewards = {
        2: Reward(coins=10),
        3: Reward(coins=20, badges=(BadgeId("veteran"),)),
        4: Reward(coins=40),
    }
    got = anna(
        book(
            badge("veteran", coins=3), levels=Levels(thresholds=(0, 100, 250, 500), rewards=rewards)
        ),
        points(300),
    )

    assert (got.coins, got.coins_earned) == (33, 33)
    assert got.badges == {"veteran"}


def test_exp_of_a_badge_reaches_the_next_level_whose_badge_gives_another() -> None:
    levels = Levels(thresholds=(0, 100), rewards={2: Reward(badges=(BadgeId("second"),))})
    got = anna(
        book(
            badge("first", AtLeast(ProfileMetric.EXP, 60), exp=40),
            badge("second", gives=("third",)),
            badge("third", coins=9),
            badge("rich", AtLeast(ProfileMetric.COINS_EARNED, 9)),
            badge("grown", AtLeast(ProfileMetric.LEVEL, 2)),
            badge("unreached", AtLeast(ProfileMetric.EXP, 101)),
            levels=levels,
        ),
        points(60),
    )

    assert got.badges == {"first", "second", "third", "rich", "grown"}
    assert (got.exp, got.level, got.coins) == (100, 2, 9)


def test_every_tier_crossed_is_a_badge_with_the_whole_reward() -> None:
    collector = badge(
        "collector",
        coins=5,
        tier_metric=counting(Tally.SUM, Kind.POINTS_EARNED, "points"),
        tiers={"bronze": 100, "silver": 1000, "gold": 10000},
    )
    got = anna(book(collector), points(1500))

    assert got.badges == {"collector.bronze", "collector.silver"}
    assert got.coins == 10


@pytest.mark.parametrize(
    ("reference", "held"),
    [("collector", True), ("collector.bronze", True), ("collector.gold", False)],
)
def test_a_badge_reference_means_any_tier_and_a_tier_reference_that_one(
    reference: str,
    held: bool,  # noqa: FBT001
) -> None:
    tiered = badge(
        "collector",
        tier_metric=counting(Tally.COUNT, Kind.POINTS_EARNED),
        tiers={"bronze": 1, "gold": 9},
    )
    got = anna(book(tiered, badge("has", HasBadge(BadgeId(reference)))), points(1))

    assert ("has" in got.badges) is held


def test_all_and_any_combine_and_a_badge_without_criteria_needs_a_giver() -> None:
    yes, no = AtLeast(ProfileMetric.EXP, 1), AtLeast(ProfileMetric.EXP, 99)
    got = anna(
        book(
            badge("both", AllOf((yes, no))),
            badge("either", AnyOf((yes, no))),
            badge("nested", AllOf((yes, AnyOf((no, yes))))),
            badge("given-only"),
        ),
        points(1),
    )

    assert got.badges == {"either", "nested"}


def test_a_streak_criterion_means_the_longest() -> None:
    got = anna(
        book(badge("fire", AtLeast(ProfileMetric.STREAK, 2))),
        points(1, "2026-03-01"),
        points(1, "2026-03-02"),
        points(1, "2026-03-09"),
    )

    assert got.current_streak == 1
    assert got.badges == {"fire"}


WINS = counting(Tally.COUNT, Kind.TOURNAMENT_RESULT, where=(when("outcome", "==", "WIN"),))
METRICS: list[tuple[Metric, int]] = [
    (WINS, 4),
    (counting(Tally.COUNT, Kind.TOURNAMENT_RESULT), 5),
    (counting(Tally.COUNT, Kind.TOURNAMENT_RESULT, within=Window.DAY), 2),
    (counting(Tally.COUNT, Kind.TOURNAMENT_RESULT, within=Window.WEEK), 3),
    (counting(Tally.COUNT, Kind.TOURNAMENT_RESULT, within=Window.MONTH), 4),
    (counting(Tally.SUM, Kind.TOURNAMENT_RESULT, "prize_coins"), 100),
    (counting(Tally.SUM, Kind.TOURNAMENT_RESULT, "prize_coins", within=Window.WEEK), 60),
    (counting(Tally.DISTINCT, Kind.TOURNAMENT_RESULT, "tournament_id"), 3),
    (counting(Tally.DISTINCT, Kind.TOURNAMENT_RESULT, "tournament_id", within=Window.DAY), 1),
    (counting(Tally.DISTINCT, Kind.TOURNAMENT_RESULT, "match_id"), 0),
    (counting(Tally.SUM, Kind.ACTIVITY_RECORDED, "amount"), 7),
    (counting(Tally.COUNT, Kind.LESSON_COMPLETED), 0),
]


@pytest.mark.parametrize(("metric", "value"), METRICS)
def test_a_window_metric_is_that_of_its_best_window(metric: Metric, value: int) -> None:
    doings = (
        win(10, "2026-03-02", "a"),
        win(20, "2026-03-02", "a"),
        win(30, "2026-03-08", "b"),  # the Sunday of that week
        win(40, "2026-03-09", "c"),
        did(Kind.TOURNAMENT_RESULT, "2026-04-01", tournament_id="a", outcome="LOSS"),
        did(Kind.ACTIVITY_RECORDED, activity_type="x", amount=7),
        did(Kind.ACTIVITY_RECORDED, activity_type="x", amount=-100),
        did(Kind.ACTIVITY_RECORDED, activity_type="x"),
    )
    got = anna(
        book(badge("met", AtLeast(metric, value)), badge("missed", AtLeast(metric, value + 1))),
        *doings,
    )

    assert got.badges == {"met"}


def test_repeated_lessons_count_though_they_pay_nothing() -> None:
    twice = AtLeast(counting(Tally.COUNT, Kind.LESSON_COMPLETED), 2)

    assert anna(book(badge("keen", twice)), lesson("a"), lesson("a")).badges == {"keen"}


@pytest.mark.parametrize(
    "given",
    [
        book(badge("b", AtLeast(ProfileMetric.EXP, 1), locale_known=True)),
        book(
            badge("a", AtLeast(ProfileMetric.EXP, 1), gives=("b",)), badge("b", locale_known=True)
        ),
        book(
            badge("b", locale_known=True),
            levels=Levels(thresholds=(0, 1), rewards={2: Reward(badges=(BadgeId("b"),))}),
        ),
    ],
    ids=["criterion", "other badge", "level"],
)
def test_eligibility_holds_back_a_badge_however_given_until_a_locale_was_ever_known(
    given: Rulebook,
) -> None:
    assert "b" not in anna(given, points(1)).badges
    assert "b" not in anna(given, points(1), update(language="tlh")).badges
    assert "b" in anna(given, points(1), update(language="de")).badges
    assert "b" in anna(given, points(1), update(language="de"), update(language="tlh")).badges


def test_the_latest_update_wins_and_equal_times_are_told_apart_by_id() -> None:
    got = anna(
        book(),
        update("2026-03-02", b"2" * 16, language="de", timezone="Asia/Tokyo"),
        update("2026-03-02", b"1" * 16, language="fr", timezone="UTC"),
        update("2026-03-01", b"9" * 16, language="es", timezone="Europe/Berlin"),
    )

    assert (got.locale, got.timezone) == ("de", "Asia/Tokyo")


def test_each_setting_has_its_own_latest_update() -> None:
    got = anna(
        book(),
        update("2026-03-01", language="pt-BR", timezone="Asia/Tokyo", has_address=1),
        update("2026-03-02", language="tlh", timezone="Mars/Olympus"),
        update("2026-03-03", has_address=0),
    )

    assert (got.locale, got.timezone, got.notify) == ("pt", "Asia/Tokyo", False)
    assert (got.exp, got.level, got.board) == (0, 1, {})
