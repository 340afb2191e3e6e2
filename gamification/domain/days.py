"""Calendar days as whole numbers: 0 is 1970-01-01. Local, because a player's day is.

Weeks start on Monday. Time zones come from the IANA data base that Python ships or finds.
"""

from datetime import date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

UTC: Final = "UTC"
EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
DAY_S: Final = 86_400
QUARTER_HOUR_S: Final = 900


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Whether `name` is a time zone that we can compute with."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, a directory
        return False
    return True


@lru_cache(maxsize=65_536)
def _offset_s(zone: str, quarter: int) -> int:
    """Seconds east of UTC. Since 2000 every zone changes on a quarter of an hour only."""
    offset = datetime.fromtimestamp(quarter * QUARTER_HOUR_S, ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def local_day(unix_ms: int, zone: str) -> int:
    """The day on which `unix_ms` (milliseconds since 1970 UTC) falls in `zone`."""
    unix_s = unix_ms // 1000
    if zone == UTC:
        return unix_s // DAY_S
    return (unix_s + _offset_s(zone, unix_s // QUARTER_HOUR_S)) // DAY_S


def monday(day: int) -> int:
    """First day of the week that holds `day`. (Day 0 was a Thursday.)"""
    return day - (day + 3) % 7


@lru_cache(maxsize=4096)
def first_of_month(day: int) -> int:
    """First day of the calendar month that holds `day`."""
    return date.fromordinal(EPOCH_ORDINAL + day).replace(day=1).toordinal() - EPOCH_ORDINAL


def to_date(day: int) -> date:
    return date.fromordinal(EPOCH_ORDINAL + day)
