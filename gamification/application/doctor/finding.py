"""One line of the doctor's: what was looked at, what was seen, what to do."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from gamification.domain.errors import GamificationError, Unavailable

NAMED_MAX: Final = 3
"""Of many things that are wrong, so many are named; the command that lists all is in `advice`."""


class State(StrEnum):
    """From good to bad."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    AWAY = "away"


class Finding(NamedTuple):
    """`advice` is empty when there is nothing to do."""

    check: str
    state: State
    seen: str
    advice: str = ""


def of_error(check: str, error: GamificationError, advice: str) -> Finding:
    """A dependency that is away, or that refuses us."""
    state = State.AWAY if isinstance(error, Unavailable) else State.WRONG
    return Finding(check, state, one_line(str(error)), advice)


def named(things: Iterable[str]) -> str:
    """The first ones, and how many more there are."""
    every = list(things)
    some = "; ".join(every[:NAMED_MAX])
    more = len(every) - NAMED_MAX
    return f"{some}; and {more} more" if more > 0 else some


def one_line(text: str) -> str:
    return " ".join(text.split())[:300]


def seconds(value: float) -> str:
    """As people read it."""
    if value < 120:  # noqa: PLR2004 - two minutes
        return f"{value:.1f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.0f} h"  # noqa: PLR2004
