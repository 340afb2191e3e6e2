"""What rules can be made of over the worlds of `doings`: tables to pick from.

Tables instead of nested strategies, because picking is one cheap draw and shrinks to the first.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from gamification.domain.activity import EVENT_FIELDS, Kind
from gamification.domain.rulebook import (
    Amount,
    Cap,
    Condition,
    EventMetric,
    Metric,
    Operator,
    ProfileMetric,
    Scalar,
    Tally,
    Window,
)
from tests.property.doings import FIELDS

Where = tuple[Condition, ...]

EARNING: Final = tuple(kind for kind in Kind if kind is not Kind.CUSTOMER_UPDATED)
_NUMBERS_ONLY: Final = (Operator.LT, Operator.LE, Operator.GT, Operator.GE)
_RATES: Final = ((1, 1), (1, 2), (1, 10), (3, 1), (5, 3), (2, 7))


def names(kind: Kind) -> list[str]:
    """Fields that rules may name and that occur."""
    found = dict.fromkeys(name for fields in FIELDS[kind] for name in fields)
    return [name for name in found if name != "timezone"]


def numbers(kind: Kind) -> list[str]:
    return [name for name in names(kind) if EVENT_FIELDS[kind].get(name) is int]


def _on_field(kind: Kind, name: str) -> Iterator[Where]:
    """Every operator, with values that the field takes."""
    values: list[Scalar] = list(
        dict.fromkeys(fields[name] for fields in FIELDS[kind] if name in fields)
    )
    middle = values[len(values) // 2]
    yield (Condition(name, Operator.IN, tuple(values[:2])),)
    yield (Condition(name, Operator.EQ, middle),)
    yield (Condition(name, Operator.NE, middle),)
    if isinstance(middle, int):
        for operator in _NUMBERS_ONLY:
            yield (Condition(name, operator, middle),)
        yield (Condition(name, Operator.GE, middle), Condition(name, Operator.LT, 50))


def _wheres(kind: Kind) -> Iterator[Where]:
    """Nothing, one field, or two."""
    yield ()
    single = [where for name in names(kind) for where in _on_field(kind, name)]
    yield from single
    for one, other in zip(single, single[len(single) // 2 :], strict=False):
        if one[0].field != other[0].field:
            yield (*one, *other)


WHERES: Final = {kind: list(_wheres(kind)) for kind in Kind}
"""By kind; the first one asks for nothing."""

AMOUNTS: Final = {
    kind: [Amount(fixed) for fixed in (1, 4, 9)]
    + [Amount(*rate, name) for name, rate in product(numbers(kind), _RATES)]
    for kind in EARNING
}
FIXED: Final = [Amount(fixed) for fixed in range(1, 13)]

CAPS: Final = [
    Cap(day=day, week=week, ever=ever)
    for day, week, ever in product((None, 2, 9, 25), (None, 3, 14, 30), (None, 5, 20, 40))
    if (day, week, ever) != (None, None, None)
]
EVER_CAPS: Final = [None, *(Cap(ever=ever) for ever in (1, 6, 15, 30))]


def _event_metrics() -> Iterator[EventMetric]:
    for kind, within in product(Kind, Window):
        for where in WHERES[kind]:
            yield EventMetric(tally=Tally.COUNT, event=kind, where=where, within=within)
            for tally, fields in ((Tally.SUM, numbers(kind)), (Tally.DISTINCT, names(kind))):
                for field in fields:
                    yield EventMetric(
                        tally=tally, event=kind, field=field, where=where, within=within
                    )


EVENT_METRICS: Final = list(_event_metrics())
PLAIN_METRICS: Final = [metric for metric in EVENT_METRICS if not metric.where]


def reachable(metric: Metric) -> tuple[int, int]:
    """From where to where a few dozen activities may bring `metric`."""
    if metric is ProfileMetric.LEVEL:
        return 2, 7
    if metric is ProfileMetric.STREAK:
        return 1, 6
    if isinstance(metric, ProfileMetric) or metric.tally is Tally.SUM:
        return 1, 150
    return 1, 5
