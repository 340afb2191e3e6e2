"""The generic cell rate algorithm: a limit of so many in a period, without windows or counters.

ITU-T I.371, in the form with a theoretical arrival time: one number for each who is limited. Up to
`burst` may come at once, later ones as the period lets them in.
"""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` in `period_s` seconds, all of them at once if need be."""

    name: str
    count: int
    period_s: float = 1.0

    @property
    def interval_us(self) -> int:
        """Between two of them, when they come evenly."""
        return max(1, round(self.period_s * 1_000_000 / self.count))

    @property
    def tolerance_us(self) -> int:
        """How far ahead of an even flow they may be."""
        return self.interval_us * self.count


class Verdict(NamedTuple):
    allowed: bool
    wait_us: int
    """When not allowed: after exactly so long the next one is."""
    arrival_us: int
    """To be kept until it is over; unchanged when not allowed."""


def judge(limit: Limit, arrival_us: int, now_us: int) -> Verdict:
    """Whether one more may pass now. `arrival_us` is what was kept; 0 when nothing was."""
    following = max(arrival_us, now_us) + limit.interval_us
    wait_us = following - limit.tolerance_us - now_us
    if wait_us > 0:
        return Verdict(allowed=False, wait_us=wait_us, arrival_us=arrival_us)
    return Verdict(allowed=True, wait_us=0, arrival_us=following)
