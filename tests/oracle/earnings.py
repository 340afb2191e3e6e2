"""What each earn rule pays one customer in all, from the set of matching activities.

Nothing here knows of "before" and "after": a rule's total is a function of the raw sums.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from gamification.domain.activity import Activity
from gamification.domain.rulebook import Amount, Cap, CoinType, EarnRule
from tests.oracle.calendar import monday_of
from tests.oracle.metrics import ByKind, Dated, all_hold

UNCAPPED = Cap()
SPENDING = frozenset({CoinType.WITHDRAWAL, CoinType.BET})
EARNED = frozenset({CoinType.RULE_AWARD, CoinType.TOURNAMENT_PAYOUT})
"""What `coins_earned` counts, besides the rewards of badges and levels."""

PrizeKey = tuple[str, str]


def matching(rule: EarnRule, by_kind: ByKind) -> list[Dated]:
    """The activities that this rule pays for, but for repeated completions."""
    return [one for one in by_kind.get(rule.event, ()) if all_hold(rule.where, one[0])]


def raw_amount(amount: Amount | None, activity: Activity) -> int:
    """One activity's worth before any cap: floor, negative fields count as 0."""
    if amount is None:
        return 0
    if amount.per is None:
        return amount.numerator // amount.denominator
    value = activity.fields.get(amount.per, 0)
    return max(0, value) * amount.numerator // amount.denominator if isinstance(value, int) else 0


def capped_total(raw_by_day: Mapping[date, int], cap: Cap | None) -> int:
    """min(ever, sum over weeks of min(week, sum over days of min(day, raw)))."""
    cap = cap or UNCAPPED
    weeks: dict[date, int] = defaultdict(int)
    for day, raw in raw_by_day.items():
        weeks[monday_of(day)] += at_most(cap.day, raw)
    return at_most(cap.ever, sum(at_most(cap.week, total) for total in weeks.values()))


def at_most(limit: int | None, amount: int) -> int:
    return amount if limit is None else min(limit, amount)


def sums_by_day(amount: Amount | None, matches: Iterable[Dated]) -> dict[date, int]:
    """Raw sums for each day, which is all that a cap needs to know."""
    sums: dict[date, int] = defaultdict(int)
    for activity, day in matches:
        sums[day] += raw_amount(amount, activity)
    return dict(sums)


def completed_values(rule: EarnRule, matches: Sequence[Dated]) -> dict[str, list[Activity]]:
    """The distinct values of a `once_per` rule and their completions; none without the field."""
    values: dict[str, list[Activity]] = defaultdict(list)
    for activity, _day in matches:
        if rule.once_per is not None and rule.once_per in activity.fields:
            values[str(activity.fields[rule.once_per])].append(activity)
    return dict(values)


def once_total(amount: Amount | None, values: int, cap: Cap | None) -> int:
    """A fixed amount for each distinct value; only an `ever` cap is possible here."""
    if amount is None:
        return 0
    return at_most((cap or UNCAPPED).ever, values * (amount.numerator // amount.denominator))


def prizes(rule: EarnRule, matches: Iterable[Dated]) -> dict[PrizeKey, list[int]]:
    """Positive prizes by (tournament, match or ""); one of each key is paid, the rest refused.

    Different prizes under one key depend on which came first: no model has the answer.
    """
    keys: dict[PrizeKey, list[int]] = defaultdict(list)
    for activity, _day in matches:
        prize = raw_amount(rule.coins, activity)
        if prize > 0:
            tournament = str(activity.fields.get("tournament_id", ""))
            keys[tournament, str(activity.fields.get("match_id", ""))].append(prize)
    for key, offers in keys.items():
        if len(set(offers)) > 1:
            raise ValueError(f"rule {rule.id}: different prizes for {key}: {offers}")
    return dict(keys)
