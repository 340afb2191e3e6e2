"""Which dead letters somebody means."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gamification.domain.errors import Reason
from gamification.domain.ids import MerchantId

CAME_BACK_MAX: Final = 3
"""A letter that came back so often is not sent again unless somebody insists."""
ATTEMPTS_ANY: Final = 2**31 - 1


def attempts_max(*, insist: bool) -> int:
    """Of letters that are sent again. The first failure is an attempt, too."""
    return ATTEMPTS_ANY if insist else CAME_BACK_MAX


class LetterStatus(StrEnum):
    """What became of a letter."""

    PARKED = "parked"
    REPLAYED = "replayed"
    RESOLVED = "resolved"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """None means any."""

    merchant_id: MerchantId | None = None
    event_type: str | None = None
    """The topic where it was first seen."""
    reason: Reason | None = None
    since_ms: int | None = None
    """Written then or later; milliseconds since 1970."""
    until_ms: int | None = None
    """Written before then."""
    id: bytes | None = None
    """16 bytes."""
