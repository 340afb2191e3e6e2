"""Criteria: what a badge takes."""

from typing import Final

from gamification.domain.ids import BadgeId
from gamification.domain.rulebook import (
    AllOf,
    AnyOf,
    AtLeast,
    Criterion,
    EventMetric,
    HasBadge,
    Metric,
    ProfileMetric,
    Tally,
    Window,
)
from gamification.wire.rulebook.cursor import Cursor
from gamification.wire.rulebook.fields import (
    conditions_of,
    event_field_of,
    field_of,
    kind_of,
    number_field_of,
)

NESTING_MAX: Final = 5
"""Criteria within criteria; more cannot be understood by those who must explain the badge."""

_LEVEL_MIN: Final = 2


def criterion_of(cursor: Cursor, nesting: int = 1) -> Criterion | None:
    """A criterion with its comparison; None when a mistake was reported."""
    for word, build in (("all", AllOf), ("any", AnyOf)):
        if cursor.has(word):
            if nesting == NESTING_MAX:
                cursor.at(word).refuse_key(f"criteria may be nested {NESTING_MAX} deep at most")
                return None
            parts = [criterion_of(item, nesting + 1) for item in cursor.at(word).items()]
            return build(tuple(part for part in parts if part is not None))
    if cursor.has("badge"):
        badge = cursor.at("badge").text
        return None if badge is None else HasBadge(BadgeId(badge))
    for profile in ProfileMetric:
        if cursor.has(profile):
            return _compared(profile, cursor.at(profile))
    metric = event_metric_of(cursor)
    if metric is not None and not (cursor.has("at_least") or cursor.has("more_than")):
        if not cursor.misspelt:
            cursor.report.incomplete(cursor.path, "needs at_least or more_than")
        return None
    return None if metric is None else _compared(metric, cursor)


def _compared(metric: Metric, cursor: Cursor) -> AtLeast | None:
    threshold, at = cursor.at("at_least").whole, cursor.at("at_least")
    more_than = cursor.at("more_than").whole
    if threshold is None and more_than is not None:
        threshold, at = more_than + 1, cursor.at("more_than")
    if threshold is None:
        return None
    check_threshold(metric, threshold, at)
    return AtLeast(metric, threshold)


def check_threshold(metric: Metric, threshold: int, at: Cursor) -> None:
    """Refuse what holds for everyone from the start."""
    if metric is ProfileMetric.LEVEL and threshold < _LEVEL_MIN:
        at.refuse("everyone is at level 1: ask for level 2 or more")


def metric_of(cursor: Cursor) -> Metric | None:
    """What tiers are measured by: a metric without a comparison."""
    if cursor.text is not None:
        return next((known for known in ProfileMetric if known == cursor.text), None)
    for word in ("all", "any", "badge", *ProfileMetric):
        if cursor.has(word):
            hint = f"; write `when: {word}`" if word in list(ProfileMetric) else ""
            cursor.at(word).refuse_key(
                f"with tiers, `when` names only what is measured: count, sum, distinct, or one"
                f" of the words exp, coins_earned, level, streak{hint}"
            )
            return None
    for word in ("at_least", "more_than"):
        if cursor.has(word):
            cursor.at(word).refuse_key("the tiers hold the thresholds: remove it")
    return event_metric_of(cursor)


def event_metric_of(cursor: Cursor) -> EventMetric | None:
    """count, sum or distinct, with `where` and `within`."""
    tally = next((known for known in Tally if cursor.has(known)), None)
    if tally is None:
        return None
    named = cursor.at(tally)
    field: str | None = None
    if tally is Tally.COUNT:
        kind = kind_of(named)
    else:
        split = event_field_of(named, number=tally is Tally.SUM)
        if split is None:
            return None
        kind, name = split
        if tally is Tally.SUM:
            field = number_field_of(kind, name)
        else:
            known = field_of(kind, name)
            field = known[0] if known else None
    if kind is None:
        return None
    window = next((known for known in Window if known == cursor.at("within").text), Window.EVER)
    return EventMetric(
        tally=tally,
        event=kind,
        field=field,
        where=conditions_of(kind, cursor.at("where")),
        within=window,
    )
