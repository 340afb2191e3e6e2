"""Which badges anyone can ever hold, as far as the rulebook alone can tell."""

from gamification.domain.ids import BadgeId
from gamification.domain.rulebook import (
    AllOf,
    AnyOf,
    AtLeast,
    BadgeRule,
    CoinType,
    Criterion,
    HasBadge,
    Metric,
    ProfileMetric,
    Reward,
    Rulebook,
)
from gamification.wire.rulebook.badges import announced_ids

_EARNED = frozenset({CoinType.RULE_AWARD, CoinType.TOURNAMENT_PAYOUT})


def unreachable(rulebook: Rulebook) -> list[BadgeId]:
    """Badges (tiers) that no activity, level or other badge can lead to, in the text's order.

    Badges without any criterion can be given by a call, so they count as reachable.
    """
    held: set[BadgeId] = set(call_only(rulebook))
    growing = True
    while growing:
        before = len(held)
        for badge in rulebook.badges:
            held.update(_within_reach(badge, rulebook, held))
        growing = len(held) > before
    every = [badge_id for badge in rulebook.badges for badge_id in announced_ids(badge)]
    return [badge_id for badge_id in every if badge_id not in held]


def call_only(rulebook: Rulebook) -> list[BadgeId]:
    """Badges that nothing in the rulebook gives."""
    given = {
        badge_id
        for reward in (
            *rulebook.levels.rewards.values(),
            *(badge.reward for badge in rulebook.badges),
        )
        for badge_id in reward.badges
    }
    return [
        badge.id
        for badge in rulebook.badges
        if badge.when is None and not badge.tiers and badge.id not in given
    ]


def _within_reach(badge: BadgeRule, rulebook: Rulebook, held: set[BadgeId]) -> set[BadgeId]:
    """What `badge` adds to `held`: itself or its tiers, and what comes with it."""
    found = {
        badge_id
        for badge_id, threshold in zip(announced_ids(badge), badge.tiers.values(), strict=False)
        if badge.tier_metric is not None and _passes(badge.tier_metric, threshold, rulebook)
    }
    if badge.when is not None and _holds(badge.when, rulebook, held):
        found.add(badge.id)
    found |= {
        badge_id
        for level, reward in rulebook.levels.rewards.items()
        if _passes(ProfileMetric.LEVEL, level, rulebook)
        for badge_id in reward.badges
        if badge_id in announced_ids(badge)
    }
    if found or held & set(announced_ids(badge)):
        found |= set(badge.reward.badges)
    return found


def _holds(criterion: Criterion, rulebook: Rulebook, held: set[BadgeId]) -> bool:
    match criterion:
        case AtLeast(metric, threshold):
            return _passes(metric, threshold, rulebook)
        case HasBadge(badge):
            return any(other == badge or other.startswith(f"{badge}.") for other in held)
        case AllOf(criteria):
            return all(_holds(part, rulebook, held) for part in criteria)
        case AnyOf(criteria):
            return any(_holds(part, rulebook, held) for part in criteria)


def _passes(metric: Metric, threshold: int, rulebook: Rulebook) -> bool:
    """Events can happen any number of times; what they cannot move is out of reach."""
    rewards = [badge.reward for badge in rulebook.badges]
    pays_exp = any(rule.exp for rule in rulebook.earn) or any(reward.exp for reward in rewards)
    match metric:
        case ProfileMetric.EXP:
            return pays_exp
        case ProfileMetric.LEVEL:
            return pays_exp and threshold <= len(rulebook.levels.thresholds)
        case ProfileMetric.COINS_EARNED:
            return _pays_coins(rulebook, rewards)
        case ProfileMetric.STREAK:
            return rulebook.streak is not None
        case _:
            return True


def _pays_coins(rulebook: Rulebook, rewards: list[Reward]) -> bool:
    earned = any(rule.coins and rule.coins_as in _EARNED for rule in rulebook.earn)
    given = (*rewards, *rulebook.levels.rewards.values())
    return earned or any(reward.coins for reward in given)
