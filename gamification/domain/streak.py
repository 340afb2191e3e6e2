"""Streaks as runs of active days; the same whatever the order in which days became known.

A run is an interval of days that holds at most `freezes` missing ones; its length is the number
of its active days. The longest streak is the longest run; the current one is the run that ends
at the last active day. (Using freezes up in the order of arrival is not order-free: one more
active day could then shorten the longest streak.)

Active days are a bitmap in an int: bit i is day `start + i`. Ten years are 457 bytes.
"""

from typing import NamedTuple


class ActiveDays(NamedTuple):
    """The set of active days. `bits` is 0 when there is none, and `start` then means nothing."""

    start: int
    bits: int

    def __contains__(self, day: object) -> bool:
        return (
            isinstance(day, int) and day >= self.start and bool(self.bits >> (day - self.start) & 1)
        )

    @property
    def last(self) -> int:
        """The last active day. Only for a set that has one."""
        return self.start + self.bits.bit_length() - 1

    def with_day(self, day: int) -> "ActiveDays":
        if not self.bits:
            return ActiveDays(day, 1)
        if day < self.start:
            return ActiveDays(day, self.bits << (self.start - day) | 1)
        return ActiveDays(self.start, self.bits | 1 << (day - self.start))


def longest_through(active: ActiveDays, day: int, freezes: int) -> int:
    """Active days in the longest run that holds `day`, an active day.

    Such a run holds exactly `freezes` missing days when we let it reach into the days before
    the first or after the last active one: `a` of them before `day`, the others after it.
    """
    before = _missing_before(active, day, freezes + 1)
    after = _missing_after(active, day, freezes + 1)
    return max(after[freezes - a] - before[a] for a in range(freezes + 1)) - 1 - freezes


def current(active: ActiveDays, freezes: int) -> int:
    """Active days in the run that ends at the last active day; 0 when there is none."""
    if not active.bits:
        return 0
    last = active.last
    return last - _missing_before(active, last, freezes + 1)[freezes] - freezes


def _missing_before(active: ActiveDays, day: int, count: int) -> list[int]:
    """The `count` nearest missing days before `day`, nearest first."""
    missing = ~active.bits & ((1 << (day - active.start)) - 1)
    found: list[int] = []
    while missing and len(found) < count:
        place = missing.bit_length() - 1
        found.append(active.start + place)
        missing ^= 1 << place
    found.extend(active.start - 1 - i for i in range(count - len(found)))
    return found


def _missing_after(active: ActiveDays, day: int, count: int) -> list[int]:
    """The `count` nearest missing days after `day`, nearest first."""
    place = day - active.start + 1
    missing = ~(active.bits >> place)  # endless ones beyond the last active day
    found: list[int] = []
    for _ in range(count):
        lowest = missing & -missing
        found.append(active.start + place + lowest.bit_length() - 1)
        missing ^= lowest
    return found
