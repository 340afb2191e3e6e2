"""Leaderboards by name: one for all time and one for each day, week and month of a merchant.

Only the calendar is here. A day is the merchant's own; which EXP counts on it is decided where
activities are judged.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, assert_never

from gamification.domain.ids import MerchantId

ONLY_TOTAL: Final = date(1970, 1, 1)
"""The board day of a change that moved no period board."""


class Period(StrEnum):
    """What a board sums up. The value is the letter in its name."""

    EVER = "e"
    DAY = "d"
    WEEK = "w"
    MONTH = "m"


@dataclass(frozen=True, slots=True)
class Board:
    """`start` is the period's first day: a Monday for a week; ONLY_TOTAL for all time."""

    merchant_id: MerchantId
    period: Period = Period.EVER
    start: date = ONLY_TOTAL


class Totals(NamedTuple):
    """Current totals on one board, as `exp customer exp customer ...` with customers as text.

    Packed by Postgres and unpacked by Redis: taking every pair through Python would cost several
    times what both of them spend on it. A total of 0 says that there is no place.
    """

    packed: str
    places: int


def end(board: Board) -> date | None:
    """The first day after the period; None for all time."""
    match board.period:
        case Period.EVER:
            return None
        case Period.DAY:
            return board.start + timedelta(days=1)
        case Period.WEEK:
            return board.start + timedelta(days=7)
        case Period.MONTH:
            return (board.start.replace(day=1) + timedelta(days=32)).replace(day=1)
        case _:
            assert_never(board.period)


def expires_s(board: Board, keep_days: int) -> int:
    """Unix seconds after which the board is no longer kept; 0 for never.

    Counted in whole UTC days: a merchant's midnight is at most half a day away from ours, and
    boards are kept for days.
    """
    last = end(board)
    if last is None:
        return 0
    gone = datetime.combine(last + timedelta(days=keep_days), time(), UTC)
    return int(gone.timestamp())


def oldest_kept(period: Period, today: date, keep_days: int) -> date:
    """No board of `period` that starts before this day is kept any more. `today` is UTC's."""
    still_kept = today - timedelta(days=keep_days - 1)  # as an end
    match period:
        case Period.EVER:
            return ONLY_TOTAL
        case Period.DAY:
            return still_kept - timedelta(days=1)
        case Period.WEEK:
            return still_kept - timedelta(days=7)
        case Period.MONTH:
            first = still_kept.replace(day=1)
            # A month ends on a first: that of this month only when today is that very day.
            return first if still_kept != first else _month_before(first)
        case _:
            assert_never(period)


def _month_before(first: date) -> date:
    return (first - timedelta(days=1)).replace(day=1)
