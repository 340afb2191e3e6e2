"""The calendar of leaderboards."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.adapters.redis import keys
from gamification.domain.board import Board, Period, end, expires_s, oldest_kept
from gamification.domain.ids import EventId, MerchantId

MERCHANT = MerchantId(bytes.fromhex("0123456789abcdef0123456789abcdef"))


@pytest.mark.parametrize(
    ("period", "start", "last"),
    [
        (Period.EVER, date(1970, 1, 1), None),
        (Period.DAY, date(2026, 2, 28), date(2026, 3, 1)),
        (Period.WEEK, date(2026, 12, 28), date(2027, 1, 4)),
        (Period.MONTH, date(2026, 12, 1), date(2027, 1, 1)),
        (Period.MONTH, date(2028, 2, 1), date(2028, 3, 1)),
    ],
)
def test_a_period_ends_on_the_first_day_after_it(
    period: Period, start: date, last: date | None
) -> None:
    assert end(Board(MERCHANT, period, start)) == last


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 400), st.integers(-500, 500))
def test_the_oldest_kept_board_is_the_first_that_has_not_expired(
    today: date, keep_days: int, days: int
) -> None:
    day = today + timedelta(days=days)
    now_s = datetime(today.year, today.month, today.day, 12, tzinfo=UTC).timestamp()
    starts = {
        Period.DAY: day,
        Period.WEEK: day - timedelta(days=day.weekday()),
        Period.MONTH: day.replace(day=1),
    }
    for period, start in starts.items():
        is_kept = expires_s(Board(MERCHANT, period, start), keep_days) > now_s
        assert is_kept == (start >= oldest_kept(period, today, keep_days))


def test_the_board_for_all_time_never_expires() -> None:
    assert expires_s(Board(MERCHANT), 1) == 0


@pytest.mark.parametrize(
    ("board", "key"),
    [
        (Board(MERCHANT), ""),
        (Board(MERCHANT, Period.DAY, date(2026, 3, 9)), ":d:2026-03-09"),
        (Board(MERCHANT, Period.WEEK, date(2026, 3, 9)), ":w:2026-03-09"),
        (Board(MERCHANT, Period.MONTH, date(2026, 3, 1)), ":m:2026-03-01"),
    ],
)
def test_a_board_is_found_by_its_key(board: Board, key: str) -> None:
    whole = "leaderboard:01234567-89ab-cdef-0123-456789abcdef" + key

    assert keys.leaderboard(board) == whole
    assert keys.board_of(whole) == board


@pytest.mark.parametrize("key", ["", "leaderboard:", "leaderboard:x", "epoch", "leaderboard:" * 2])
def test_other_keys_are_no_boards(key: str) -> None:
    assert keys.board_of(key) is None


def test_what_one_script_touches_shares_a_slot() -> None:
    assert keys.position("leaderboard:x") == "position:{leaderboard:x}"
    assert keys.building("leaderboard:x", "b") == "building:{leaderboard:x}:b"


def test_a_processed_event_is_named_by_merchant_and_event() -> None:
    assert keys.processed(MERCHANT, EventId(bytes(16))) == (
        "processed:01234567-89ab-cdef-0123-456789abcdef:00000000-0000-0000-0000-000000000000"
    )
