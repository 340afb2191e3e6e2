"""Events, their fields, and conditions on them."""

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from gamification.domain.activity import ATTRIBUTES_PREFIX, EVENT_FIELDS, Kind
from gamification.domain.rulebook import Condition, Operator, Scalar
from gamification.wire.fields import LOWER_SNAKE
from gamification.wire.rulebook.cursor import Cursor
from gamification.wire.rulebook.problems import Report, listed, quoted
from gamification.wire.rulebook.structure import found

FieldType: TypeAlias = type[int] | type[str]
Refuse: TypeAlias = Callable[[str], None]

_ATTRIBUTE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_OUTCOMES: Final = ("WIN", "LOSS", "DRAW")
_NUMBERS_ONLY: Final = frozenset({Operator.LT, Operator.LE, Operator.GT, Operator.GE})


def kind_of(cursor: Cursor) -> Kind | None:
    """The event that is named; None when it is none (the schema says so)."""
    return next((kind for kind in Kind if kind == cursor.text), None)


def field_of(kind: Kind, cursor: Cursor) -> tuple[str, FieldType] | None:
    """The field of `kind` that the text names, with its type."""
    name = cursor.text
    return None if name is None else _find(kind, name, cursor.refuse, cursor.report)


def number_field_of(kind: Kind, cursor: Cursor) -> str | None:
    """As `field_of`, for a field that holds a number."""
    known = field_of(kind, cursor)
    if known is None:
        return None
    name, of_type = known
    if of_type is int:
        return name
    numbers = [field for field, type_ in EVENT_FIELDS[kind].items() if type_ is int]
    hint = f"; number fields of {kind}: {', '.join(numbers)}" if numbers else ""
    cursor.refuse(f"{name} holds a text, no number{hint}")
    return None


def event_field_of(cursor: Cursor, *, number: bool) -> tuple[Kind, Cursor] | None:
    """`lesson.completed.course_id` -> the event, and a cursor whose text is the field alone.

    `number`: only a field with a number can be meant, for the hint.
    """
    text = cursor.text
    if text is None:
        return None
    for kind in Kind:
        if text.startswith(f"{kind}."):
            field = text.removeprefix(f"{kind}.")
            return kind, Cursor(field, cursor.path, cursor.report)
        if text == kind:
            fields = EVENT_FIELDS[kind]
            fitting = [name for name, of_type in fields.items() if of_type is int or not number]
            cursor.refuse(f"name a field as well, like {kind}.{fitting[0]}")
            return None
    kinds = listed([str(kind) for kind in Kind])
    cursor.refuse(f"{quoted(text)} starts with no known event; it must be one of {kinds}")
    return None


def conditions_of(kind: Kind, where: Cursor) -> tuple[Condition, ...]:
    """All conditions of a `where`."""
    conditions: list[Condition] = []
    for name, given in where.entries():
        known = _find(kind, name, given.refuse_key, where.report)
        if known is None:
            continue
        field, of_type = known
        if isinstance(given.value, dict):
            for word, operand in given.entries():
                _condition(field, of_type, word, operand, conditions)
        else:
            _condition(field, of_type, Operator.EQ, given, conditions)
    return tuple(conditions)


def _condition(
    field: str, of_type: FieldType, word: str, operand: Cursor, into: list[Condition]
) -> None:
    operator = next((known for known in Operator if known == word), None)
    if operator is None:
        return
    if operator in _NUMBERS_ONLY and of_type is str:
        operand.refuse_key(f"{field} holds a text, which has no order; allowed: ==, !=, in")
        return
    if operator is Operator.IN:
        many = [_scalar(field, of_type, item) for item in operand.items()]
        values = tuple(value for value in many if value is not None)
        if len(set(values)) < len(values):
            operand.refuse("the same value is listed twice")
        into.append(Condition(field, operator, values))
        return
    value = _scalar(field, of_type, operand)
    if value is not None:
        into.append(Condition(field, operator, value))


def _scalar(field: str, of_type: FieldType, given: Cursor) -> Scalar | None:
    """The value, if the field can ever hold it."""
    if of_type is int:
        if given.whole is None and given.text is not None:
            given.refuse(f"{field} holds a whole number; found {found(given.value)}")
        return given.whole
    if given.whole is not None:
        given.refuse(f'{field} holds a text: write it in quotes, "{given.whole}"')
        return None
    text = given.text
    if text is None:
        return None
    if field == "outcome" and text not in _OUTCOMES:
        given.refuse(f"outcome is one of {listed(_OUTCOMES)}; found {quoted(text)}")
    if field == "activity_type" and not LOWER_SNAKE.fullmatch(text):
        given.refuse(
            "activity_type is lower-case letters, digits and underscores, like daily_login, at"
            f" most 64 characters; found {quoted(text)}"
        )
    return text


def _find(kind: Kind, name: str, refuse: Refuse, report: Report) -> tuple[str, FieldType] | None:
    fields = EVENT_FIELDS[kind]
    if name in fields:
        return name, fields[name]
    if kind is Kind.ACTIVITY_RECORDED and name.startswith(ATTRIBUTES_PREFIX):
        if _ATTRIBUTE.fullmatch(name.removeprefix(ATTRIBUTES_PREFIX)):
            return name, str
        refuse(
            "an attribute's name is 1 to 64 letters, digits, underscores, hyphens and dots,"
            f" like {ATTRIBUTES_PREFIX}channel"
        )
        return None
    hint = report.hint(name, fields)
    allowed = list(fields)
    if kind is Kind.ACTIVITY_RECORDED:
        allowed.append(f"{ATTRIBUTES_PREFIX}<name>")
    refuse(f"{kind} has no field {quoted(name)}{hint}; allowed: {', '.join(allowed)}")
    return None
