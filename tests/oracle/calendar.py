"""Days, weeks and months: which one an instant falls into, and where."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from gamification.domain.rulebook import Window

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def zone_names() -> frozenset[str]:
    """Names that count as a timezone; anything else is ignored."""
    return frozenset(available_timezones())


@cache
def zone(name: str | None) -> ZoneInfo:
    """The zone of that name; UTC when nobody said one."""
    return ZoneInfo(name or "UTC")


def day_of(instant_ms: int, where: ZoneInfo) -> date:
    """The calendar day at `where`, in whole milliseconds so that no float rounds over midnight."""
    return (EPOCH + timedelta(milliseconds=instant_ms)).astimezone(where).date()


def monday_of(day: date) -> date:
    """Weeks start on Monday."""
    return day - timedelta(days=day.weekday())


def window_of(day: date, window: Window) -> date | None:
    """First day of the window that holds `day`; None for the one window that is for ever."""
    match window:
        case Window.EVER:
            return None
        case Window.DAY:
            return day
        case Window.WEEK:
            return monday_of(day)
        case Window.MONTH:
            return day.replace(day=1)
