"""Period boards: whose EXP counts on which day, without regard to the order of arrival.

A customer's EXP on day D, D being a day in the merchant's timezone (UTC when the merchant has
none; the customer's and the rulebook's timezones do not matter here), is the sum over the earn
rules of

    min(the rule's day cap for EXP, its raw EXP over the activities of that merchant day).

Raw is floored for each activity and not capped by week or ever: those caps bind on whichever
day happens to be counted last, so a board that obeyed them would show another day for another
order. A `once_per` rule's amount counts once for each distinct value, on the merchant day of
its earliest matching completion that is known, so it moves when an earlier one arrives; its
`ever` cap does not touch the board. Rewards of badges and levels appear on no period board.
A week's or a month's board is the sum of its days.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from gamification.domain.activity import Activity
from gamification.domain.rulebook import EarnRule
from tests.oracle import earnings
from tests.oracle.calendar import day_of
from tests.oracle.metrics import by_kind


def board_days(
    rules: Sequence[EarnRule], activities: Iterable[Activity], where: ZoneInfo
) -> dict[date, int]:
    """EXP by merchant day of one customer; days that show nothing are left out."""
    dated = by_kind((activity, day_of(activity.occurred_ms, where)) for activity in activities)
    board: dict[date, int] = defaultdict(int)
    for rule in rules:
        if rule.exp is None:
            continue
        matches = earnings.matching(rule, dated)
        if rule.once_per is None:
            day_cap = (rule.exp_cap or earnings.UNCAPPED).day
            for day, raw in earnings.sums_by_day(rule.exp, matches).items():
                board[day] += earnings.at_most(day_cap, raw)
            continue
        for completions in earnings.completed_values(rule, matches).values():
            earliest_ms = min(completion.occurred_ms for completion in completions)
            board[day_of(earliest_ms, where)] += earnings.once_total(rule.exp, 1, None)
    return {day: exp for day, exp in board.items() if exp > 0}
