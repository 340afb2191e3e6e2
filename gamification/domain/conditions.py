"""Conditions and amounts of rules, made into functions once so that deciding is fast."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from gamification.domain.rulebook import Amount, Condition, Operator

Fields = Mapping[str, int | str]
Check = Callable[[Fields], bool]
Worth = Callable[[Fields], int]

COMPARE: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}
"""`in` takes a list and is the only operator that does."""


def check_of(conditions: tuple[Condition, ...]) -> Check | None:
    """Whether all hold; None when there is nothing to check."""
    checks = tuple(_one(condition) for condition in conditions)
    if not checks:
        return None
    if len(checks) == 1:
        return checks[0]
    return lambda fields: all(check(fields) for check in checks)


def _one(condition: Condition) -> Check:
    """A missing field never holds, nor does a value of another type than the condition's."""
    name, wanted = condition.field, condition.value
    if isinstance(wanted, tuple):
        among = frozenset(wanted)
        return lambda fields: fields.get(name) in among
    kind = type(wanted)
    holds = COMPARE[condition.operator]

    def check(fields: Fields) -> bool:
        value = fields.get(name)
        return type(value) is kind and holds(value, wanted)

    return check


def worth_of(amount: Amount | None) -> Worth | None:
    """How much an activity's fields are worth; None when the rule does not pay this currency.

    A missing or negative field is worth 0: an activity never takes anything away.
    """
    if amount is None:
        return None
    numerator, denominator, per = amount.numerator, amount.denominator, amount.per
    if per is None:
        fixed = numerator // denominator
        return lambda _: fixed

    def worth(fields: Fields) -> int:
        value = fields.get(per, 0)
        return value * numerator // denominator if isinstance(value, int) and value > 0 else 0

    return worth
