"""When a badge is earned: criteria as functions of a Player, and who must be looked at when.

Every criterion is monotone (metrics never fall, badges are never lost), so a badge can only
become earned when a metric passes one of the thresholds that it waits for, when a badge that it
names is awarded, or when its holder becomes eligible. `Watch` answers the first question with
one comparison, which is what keeps deciding cheap.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from gamification.domain.ids import BadgeId
from gamification.domain.player import Player
from gamification.domain.rulebook import (
    AllOf,
    AnyOf,
    AtLeast,
    BadgeRule,
    Criterion,
    EventMetric,
    HasBadge,
    Metric,
    ProfileMetric,
    Rulebook,
)

Holds = Callable[[Player], bool]


@dataclass(frozen=True, slots=True)
class Watch:
    """Thresholds of one metric, rising, and for each the places of the badges that wait for it."""

    thresholds: tuple[int, ...]
    waiting: tuple[tuple[int, ...], ...]

    def passed(self, before: int, after: int) -> Iterator[int]:
        """Places of badges with a threshold above `before` and not above `after`."""
        first = bisect_right(self.thresholds, before)
        for i in range(first, bisect_right(self.thresholds, after)):
            yield from self.waiting[i]


def metric_name(metric: Metric) -> str:
    """What is counted, in words: equal for equal metrics wherever they stand."""
    match metric:
        case ProfileMetric():
            return metric.value
        case EventMetric():
            where = ",".join(sorted(f"{c.field}{c.operator}{c.value!r}" for c in metric.where))
            return f"{metric.tally}:{metric.event}:{metric.field or ''}:{metric.within}:{where}"
        case _:
            assert_never(metric)


def metrics_of(criterion: Criterion) -> Iterator[Metric]:
    for leaf in _leaves(criterion):
        if isinstance(leaf, AtLeast):
            yield leaf.metric


def _leaves(criterion: Criterion) -> Iterator[AtLeast | HasBadge]:
    match criterion:
        case AtLeast() | HasBadge():
            yield criterion
        case AllOf(criteria) | AnyOf(criteria):
            for part in criteria:
                yield from _leaves(part)
        case _:
            assert_never(criterion)


def parts(badge: BadgeId, rule: BadgeRule, tier: str | None, rulebook: Rulebook) -> AnyOf:
    """Every way to earn `badge`: its own criterion, a level that gives it, a badge that does.

    Written as criteria, so that a badge that was held back is given by the same rule once its
    holder becomes eligible.
    """
    ways: list[Criterion] = []
    if tier is not None and rule.tier_metric is not None:
        ways.append(AtLeast(rule.tier_metric, rule.tiers[tier]))
    if rule.when is not None:
        ways.append(rule.when)
    ways.extend(
        AtLeast(ProfileMetric.LEVEL, level)
        for level, reward in rulebook.levels.rewards.items()
        if badge in reward.badges
    )
    ways.extend(HasBadge(giver.id) for giver in rulebook.badges if badge in giver.reward.badges)
    return AnyOf(tuple(ways))


def codes_of(badge: BadgeId, codes: Mapping[str, int], held: Iterable[BadgeId]) -> frozenset[int]:
    """Codes of `badge` itself, or of all its tiers."""
    return frozenset(
        codes[f"badge:{other}"] for other in held if other == badge or other.startswith(f"{badge}.")
    )


def holds(criterion: Criterion, codes: Mapping[str, int], held: Collection[BadgeId]) -> Holds:
    match criterion:
        case AtLeast(metric, threshold):
            return _at_least(metric, threshold, codes)
        case HasBadge(badge):
            wanted = codes_of(badge, codes, held)
            return lambda player: not wanted.isdisjoint(player.badges)
        case AllOf(criteria):
            every = tuple(holds(part, codes, held) for part in criteria)
            return lambda player: all(part(player) for part in every)
        case AnyOf(criteria):
            some = tuple(holds(part, codes, held) for part in criteria)
            return some[0] if len(some) == 1 else lambda player: any(part(player) for part in some)
        case _:
            assert_never(criterion)


def _at_least(metric: Metric, threshold: int, codes: Mapping[str, int]) -> Holds:
    match metric:
        case ProfileMetric.EXP:
            return lambda player: player.exp >= threshold
        case ProfileMetric.COINS_EARNED:
            return lambda player: player.coins_earned >= threshold
        case ProfileMetric.LEVEL:
            return lambda player: player.level_high >= threshold
        case ProfileMetric.STREAK:
            return lambda player: player.longest_streak >= threshold
        case EventMetric():
            code = codes[metric_name(metric)]
            return lambda player: player.counters.get(code, 0) >= threshold
        case _:
            assert_never(metric)


def watches_of(
    criteria: list[AnyOf], codes: Mapping[str, int], held: Collection[BadgeId]
) -> tuple[dict[str, Watch], dict[int, tuple[int, ...]]]:
    """By metric's name who waits for which threshold; by badge's code whose criteria name it."""
    waiting: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    dependents: dict[int, list[int]] = defaultdict(list)
    for place, criterion in enumerate(criteria):
        for leaf in _leaves(criterion):
            if isinstance(leaf, AtLeast):
                waiting[metric_name(leaf.metric)][leaf.threshold].append(place)
            else:
                for code in codes_of(leaf.badge, codes, held):
                    dependents[code].append(place)
    watches = {
        name: Watch(
            tuple(sorted(by_threshold)),
            tuple(tuple(by_threshold[threshold]) for threshold in sorted(by_threshold)),
        )
        for name, by_threshold in waiting.items()
    }
    return watches, {code: tuple(places) for code, places in dependents.items()}
