"""Conditions, counters and streaks, each computed from the whole set at once."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from operator import ge, gt, le, lt
from typing import TypeAlias

from gamification.domain.activity import Activity, Kind
from gamification.domain.rulebook import (
    Condition,
    EventMetric,
    Operator,
    StreakRule,
    Tally,
)
from tests.oracle.calendar import window_of

Dated: TypeAlias = tuple[Activity, date]
"""An activity and the day on which it happened."""

ByKind: TypeAlias = Mapping[Kind, Sequence[Dated]]
"""One customer's activities. Kinds of which there are none may be left out."""


def by_kind(dated: Iterable[Dated]) -> ByKind:
    kinds: dict[Kind, list[Dated]] = defaultdict(list)
    for one in dated:
        kinds[one[0].kind].append(one)
    return dict(kinds)


ORDERINGS: Mapping[Operator, Callable[[int, int], bool]] = {
    Operator.LT: lt,
    Operator.LE: le,
    Operator.GT: gt,
    Operator.GE: ge,
}


def holds(condition: Condition, activity: Activity) -> bool:
    """A condition on a missing field does not hold, whatever the operator."""
    if condition.field not in activity.fields:
        return False
    left, right = activity.fields[condition.field], condition.value
    match condition.operator:
        case Operator.EQ:
            return left == right
        case Operator.NE:
            return left != right
        case Operator.IN:
            return isinstance(right, tuple) and left in right
        case _ as ordering:
            if isinstance(left, int) and isinstance(right, int):
                return ORDERINGS[ordering](left, right)
            return False


def all_hold(where: Iterable[Condition], activity: Activity) -> bool:
    return all(holds(condition, activity) for condition in where)


def metric_value(metric: EventMetric, by_kind: ByKind) -> int:
    """The best window's count, sum or number of distinct values; one window when it is ever."""
    if metric.event not in by_kind:
        return 0
    windows: dict[date | None, list[Activity]] = defaultdict(list)
    for activity, day in by_kind[metric.event]:
        if all_hold(metric.where, activity):
            windows[window_of(day, metric.within)].append(activity)
    return max((_tally(metric, members) for members in windows.values()), default=0)


def _tally(metric: EventMetric, members: list[Activity]) -> int:
    if metric.tally is Tally.COUNT:
        return len(members)
    present = [
        member.fields[metric.field]
        for member in members
        if metric.field is not None and metric.field in member.fields
    ]
    if metric.tally is Tally.DISTINCT:
        return len(set(present))
    return sum(max(0, value) for value in present if isinstance(value, int))


def active_days(rule: StreakRule | None, by_kind: ByKind) -> frozenset[date]:
    """Any activity of a kind that the streak names makes its local day active."""
    if rule is None:
        return frozenset()
    return frozenset(day for kind in rule.events for _one, day in by_kind.get(kind, ()))


def streaks(days: frozenset[date], freezes: int) -> tuple[int, int]:
    """(current, longest): most active days of an interval with at most `freezes` missing ones.

    The current one is the interval that ends at the last active day.
    """
    ordered = [day.toordinal() for day in sorted(days)]
    ending_at = [_run_ending_at(last, ordered, freezes) for last in range(len(ordered))]
    return (ending_at[-1], max(ending_at)) if ending_at else (0, 0)


def _run_ending_at(last: int, ordered: list[int], freezes: int) -> int:
    """Active days of the longest interval that ends at `ordered[last]`."""
    best = 1
    for first in range(last, -1, -1):
        active = last - first + 1
        missing = ordered[last] - ordered[first] + 1 - active
        if missing > freezes:
            break
        best = active
    return best
