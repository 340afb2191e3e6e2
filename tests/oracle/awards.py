"""Badges and levels: the smallest set of awards from which nothing more follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from gamification.domain.ids import BadgeId
from gamification.domain.rulebook import (
    AllOf,
    AnyOf,
    AtLeast,
    BadgeRule,
    Criterion,
    EventMetric,
    HasBadge,
    Levels,
    Metric,
    ProfileMetric,
    Reward,
    Rulebook,
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a customer's activities say on their own, before any reward."""

    exp: int
    coins_earned: int
    longest_streak: int
    locale_ever: bool
    counted: Callable[[EventMetric], int]
    granted: frozenset[BadgeId] = frozenset()
    """Badges that somebody gave."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a customer stands once every reward is counted."""

    exp: int
    coins_earned: int
    level: int
    badges: frozenset[BadgeId]


@dataclass(frozen=True, slots=True)
class Prospect:
    """One badge that can be held: a badge without tiers, or one tier of a badge."""

    id: BadgeId
    family: BadgeId
    when: Criterion | None
    reward: Reward
    locale_known: bool


def level_of(levels: Levels, exp: int) -> int:
    return sum(1 for threshold in levels.thresholds if threshold <= exp)


def settle(rulebook: Rulebook, prospects: Sequence[Prospect], facts: Facts) -> Standing:
    """Award, count the rewards, look again, until a round changes nothing."""
    standing = _standing(rulebook.levels, facts, prospects, frozenset())
    while True:
        given = _given(rulebook.levels, prospects, standing)
        held = standing.badges | {
            one.id
            for one in prospects
            if one.id not in standing.badges
            and (facts.locale_ever or not one.locale_known)
            and (one.id in given | facts.granted or _met(one.when, facts, standing, prospects))
        }
        if held == standing.badges:
            return standing
        standing = _standing(rulebook.levels, facts, prospects, held)


def prospects_of(rulebook: Rulebook) -> list[Prospect]:
    """All badges that can be held."""
    return [one for rule in rulebook.badges for one in _prospects(rule)]


def _prospects(rule: BadgeRule) -> list[Prospect]:
    if not rule.tiers or rule.tier_metric is None:
        return [Prospect(rule.id, rule.id, rule.when, rule.reward, rule.locale_known)]
    return [
        Prospect(
            BadgeId(f"{rule.id}.{tier}"),
            rule.id,
            AtLeast(rule.tier_metric, threshold),
            rule.reward,
            rule.locale_known,
        )
        for tier, threshold in rule.tiers.items()
    ]


def _standing(
    levels: Levels, facts: Facts, prospects: Sequence[Prospect], held: frozenset[BadgeId]
) -> Standing:
    rewards = [one.reward for one in prospects if one.id in held]
    exp = facts.exp + sum(reward.exp for reward in rewards)
    level = level_of(levels, exp)
    rewards += [reward for reached, reward in levels.rewards.items() if reached <= level]
    coins = facts.coins_earned + sum(reward.coins for reward in rewards)
    return Standing(exp, coins, level, held)


def _given(levels: Levels, prospects: Sequence[Prospect], standing: Standing) -> set[BadgeId]:
    """Badges that come with a badge that is held or with a level that was reached."""
    of_badges = [one.reward for one in prospects if one.id in standing.badges]
    of_levels = [reward for level, reward in levels.rewards.items() if level <= standing.level]
    return {badge for reward in of_badges + of_levels for badge in reward.badges}


def _met(
    criterion: Criterion | None, facts: Facts, standing: Standing, prospects: Sequence[Prospect]
) -> bool:
    match criterion:
        case None:
            return False
        case AtLeast(metric, threshold):
            return _value(metric, facts, standing) >= threshold
        case HasBadge(badge):
            return any(
                one.id in standing.badges for one in prospects if badge in {one.id, one.family}
            )
        case AllOf(criteria):
            return all(_met(each, facts, standing, prospects) for each in criteria)
        case AnyOf(criteria):
            return any(_met(each, facts, standing, prospects) for each in criteria)
        case _ as never:
            assert_never(never)


def _value(metric: Metric, facts: Facts, standing: Standing) -> int:
    match metric:
        case EventMetric():
            return facts.counted(metric)
        case ProfileMetric.EXP:
            return standing.exp
        case ProfileMetric.COINS_EARNED:
            return standing.coins_earned
        case ProfileMetric.LEVEL:
            return standing.level
        case ProfileMetric.STREAK:
            return facts.longest_streak
        case _ as never:
            assert_never(never)
