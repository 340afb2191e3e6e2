"""What a rulebook amounts to in a few lines, and what in it cannot have been meant."""

from collections import Counter
from collections.abc import Iterator

from gamification.domain.rulebook import (
    Cap,
    CoinType,
    EarnRule,
    Rulebook,
)
from gamification.wire.rulebook.badges import announced_ids
from gamification.wire.rulebook.reach import call_only, unreachable

DAYS_PER_WEEK = 7
_SPENDING = frozenset({CoinType.WITHDRAWAL, CoinType.BET})


def summary(rulebook: Rulebook) -> list[str]:
    """Lines for a person: counts first, then lines that start with `warning: `."""
    return [*_counts(rulebook), *(f"warning: {line}" for line in _warnings(rulebook))]


def _counts(rulebook: Rulebook) -> Iterator[str]:
    levels, badges = rulebook.levels, rulebook.badges
    top = len(levels.thresholds)
    yield f"levels: {top}, the highest at {levels.thresholds[-1]} EXP" + (
        f"; rewards at {', '.join(map(str, sorted(levels.rewards)))}" if levels.rewards else ""
    )
    events = Counter(str(rule.event) for rule in rulebook.earn)
    per_event = ", ".join(f"{event} {count}" for event, count in sorted(events.items()))
    yield f"earn: {len(rulebook.earn)} rules" + (f" ({per_event})" if per_event else "")
    if rulebook.streak is None:
        yield "streak: none"
    else:
        days = ", ".join(sorted(rulebook.streak.events))
        yield f"streak: {days}; freezes: {rulebook.streak.freezes}"
    awards = sum(len(announced_ids(badge)) for badge in badges)
    yield f"badges: {len(badges)}, {awards} with every tier"
    by_call = call_only(rulebook)
    if by_call:
        yield f"given by a call only: {', '.join(by_call)}"


def _warnings(rulebook: Rulebook) -> Iterator[str]:
    for badge in unreachable(rulebook):
        yield f"badge {badge} can never be reached"
    for rule in rulebook.earn:
        yield from _rule_warnings(rule)


def _rule_warnings(rule: EarnRule) -> Iterator[str]:
    for currency, cap in (("exp", rule.exp_cap), ("coins", rule.coins_cap)):
        for window in _idle_caps(cap or Cap()):
            yield f"rule {rule.id}: the {currency} cap by {window} is never reached"
    if rule.coins_as in _SPENDING:
        yield (
            f"rule {rule.id}: takes coins ({rule.coins_as}); whether there are enough depends on"
            " the order in which activities arrive"
        )


def _idle_caps(cap: Cap) -> Iterator[str]:
    """Caps that a narrower or wider one makes idle."""
    if cap.day is not None and cap.week is not None:
        if cap.day >= cap.week:
            yield "day"
        elif cap.week >= cap.day * DAYS_PER_WEEK:
            yield "week"
    if cap.ever is not None:
        if cap.week is not None and cap.week >= cap.ever:
            yield "week"
        if cap.day is not None and cap.day >= cap.ever:
            yield "day"
