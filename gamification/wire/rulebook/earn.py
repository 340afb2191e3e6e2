"""Earn rules: what one activity is worth."""

from typing import Final

from gamification.domain.activity import Kind
from gamification.domain.ids import RuleId
from gamification.domain.rulebook import Amount, Cap, CoinType, EarnRule
from gamification.wire.rulebook.cursor import Cursor
from gamification.wire.rulebook.fields import conditions_of, field_of, kind_of, number_field_of
from gamification.wire.rulebook.levels import fraction_of
from gamification.wire.rulebook.structure import found

PRIZE_FIELD: Final = "prize_coins"
RATE_MAX: Final = 1000
"""Times the largest amount of an event (10^12), and thousands of those, it fits 64 bits."""


def earn_of(cursor: Cursor) -> tuple[EarnRule, ...]:
    """All earn rules, in the order of the text."""
    rules: list[EarnRule] = []
    first_by_id: dict[str, int] = {}
    for index, item in enumerate(cursor.items()):
        rule_id = item.at("id")
        if rule_id.text is not None:
            first = first_by_id.setdefault(rule_id.text, index)
            if first != index:
                rule_id.refuse(f"{rule_id.text} is already the id of earn[{first}]")
        kind = kind_of(item.at("event"))
        if kind is not None:
            rules.append(_rule_of(item, kind))
    return tuple(rules)


def _rule_of(item: Cursor, kind: Kind) -> EarnRule:
    once_per = field_of(kind, item.at("once_per"))
    coins_as = next(
        (known for known in CoinType if known == item.at("coins").at("as").text),
        CoinType.RULE_AWARD,
    )
    if item.has("once_per"):
        _check_once_per(item)
    if coins_as is CoinType.TOURNAMENT_PAYOUT:
        _check_payout(item, kind)
    for currency, cap in item.at("cap").entries():
        if currency in {"exp", "coins"} and not item.has(currency):
            cap.refuse_key(f"the rule pays no {currency}: nothing to cap")
    return EarnRule(
        id=RuleId(item.at("id").text or ""),
        event=kind,
        where=conditions_of(kind, item.at("where")),
        once_per=once_per[0] if once_per else None,
        exp=_amount_of(item.at("exp"), kind),
        coins=_amount_of(item.at("coins"), kind),
        coins_as=coins_as,
        exp_cap=_cap_of(item, "exp"),
        coins_cap=_cap_of(item, "coins"),
    )


def _amount_of(cursor: Cursor, kind: Kind) -> Amount | None:
    fixed = cursor.whole if cursor.whole is not None else cursor.at("fixed").whole
    if fixed is not None:
        return Amount(fixed)
    per = number_field_of(kind, cursor.at("per"))
    rate = fraction_of(cursor.at("rate"))
    if rate > RATE_MAX:
        cursor.at("rate").refuse(
            f"must be {RATE_MAX} at most; found {found(cursor.at('rate').value)}"
        )
    return None if per is None else Amount(rate.numerator, rate.denominator, per)


def _cap_of(item: Cursor, currency: str) -> Cap | None:
    cap = item.at("cap").at(currency)
    if not isinstance(cap.value, dict):
        return None
    return Cap(day=cap.at("day").whole, week=cap.at("week").whole, ever=cap.at("ever").whole)


def _check_once_per(item: Cursor) -> None:
    """It must not matter which of several completions came first."""
    for currency in ("exp", "coins"):
        if item.at(currency).has("per"):
            item.at(currency).at("per").refuse_key(
                "a rule with once_per pays fixed amounts only,"
                " so that it does not matter which activity came first"
            )
        for window in ("day", "week"):
            if item.at("cap").at(currency).has(window):
                item.at("cap").at(currency).at(window).refuse_key(
                    "a rule with once_per may have no cap but `ever`"
                )


def _check_payout(item: Cursor, kind: Kind) -> None:
    """A prize is known by its tournament and match, and is paid whole."""
    coins = item.at("coins")
    if kind is not Kind.TOURNAMENT_RESULT:
        coins.at("as").refuse("tournament_payout goes with the event tournament.result only")
    elif coins.at("per").text not in {None, PRIZE_FIELD}:
        coins.at("per").refuse(f"a tournament_payout is fixed, or per {PRIZE_FIELD}")
    if item.has("cap"):
        item.at("cap").refuse_key("a rule with `as: tournament_payout` may have no caps")
    if item.has("once_per"):
        item.at("once_per").refuse_key(
            "a rule with `as: tournament_payout` pays once for each tournament, match and"
            " customer already"
        )
