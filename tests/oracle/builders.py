"""Short ways to write activities and rules in the tables of the model's own tests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

from gamification.domain.activity import Activity, Kind
from gamification.domain.ids import BadgeId, CustomerId, EventId, MerchantId, RuleId
from gamification.domain.rulebook import (
    Amount,
    BadgeRule,
    Cap,
    Condition,
    Criterion,
    EarnRule,
    Operator,
    Reward,
    Rulebook,
)
from tests.oracle.expected import ExpectedProfile, MerchantSettings
from tests.oracle.model import expected

MERCHANT = MerchantId(b"merchant--------")
ANNA = CustomerId(b"anna------------")
NOON = "2026-03-02 12:00"
"""A Monday."""

_numbers = count(1)


def at_ms(when: str) -> int:
    """Milliseconds since 1970 of a UTC time such as "2026-03-02 12:00" or "2026-03-02"."""
    return int(datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp()) * 1000


def did(
    kind: Kind,
    at: str = NOON,
    *,
    customer: CustomerId = ANNA,
    merchant: MerchantId = MERCHANT,
    event: bytes | None = None,
    **fields: Any,
) -> Activity:
    """One activity with a new id; `attributes__channel` is written for `attributes.channel`."""
    return Activity(
        kind=kind,
        merchant_id=merchant,
        customer_id=customer,
        event_id=EventId(event or next(_numbers).to_bytes(16)),
        occurred_ms=at_ms(at),
        fields={name.replace("__", "."): value for name, value in fields.items()},
        content_hash=0,
    )


def points(amount: int, at: str = NOON) -> Activity:
    return did(Kind.POINTS_EARNED, at, points=amount)


def lesson(lesson_id: str, at: str = NOON, **fields: Any) -> Activity:
    return did(Kind.LESSON_COMPLETED, at, lesson_id=lesson_id, **fields)


def win(prize: int, at: str = NOON, tournament: str = "t1", **fields: Any) -> Activity:
    return did(
        Kind.TOURNAMENT_RESULT,
        at,
        tournament_id=tournament,
        outcome="WIN",
        prize_coins=prize,
        **fields,
    )


def update(at: str = NOON, event: bytes | None = None, **fields: Any) -> Activity:
    return did(Kind.CUSTOMER_UPDATED, at, event=event, **({"language": "xx"} | fields))


def when(field: str, operator: str, value: int | str | tuple[int | str, ...]) -> Condition:
    return Condition(field, Operator(operator), value)


def earn(
    event: Kind = Kind.POINTS_EARNED,
    *where: Condition,
    rule: str = "rule",
    exp: int | Amount | None = None,
    coins: int | Amount | None = None,
    exp_cap: Cap | None = None,
    **more: Any,
) -> EarnRule:
    return EarnRule(
        id=RuleId(rule),
        event=event,
        where=where,
        exp=Amount(exp) if isinstance(exp, int) else exp,
        coins=Amount(coins) if isinstance(coins, int) else coins,
        exp_cap=exp_cap,
        **more,
    )


def badge(
    name: str,
    criterion: Criterion | None = None,
    *,
    exp: int = 0,
    coins: int = 0,
    gives: tuple[str, ...] = (),
    **more: Any,
) -> BadgeRule:
    return BadgeRule(
        id=BadgeId(name),
        name=f"badge.{name}",
        icon="star",
        when=criterion,
        reward=Reward(exp=exp, coins=coins, badges=tuple(BadgeId(each) for each in gives)),
        **more,
    )


def anna(
    rulebook: Rulebook,
    *activities: Activity,
    merchants: Mapping[MerchantId, MerchantSettings] | None = None,
) -> ExpectedProfile:
    """What the model says of the one customer in these tests."""
    return expected(activities, rulebook, merchants)[MERCHANT, ANNA]


def per(field: str, numerator: int = 1, denominator: int = 1) -> Amount:
    return Amount(numerator, denominator, per=field)
