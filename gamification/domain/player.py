"""A customer's standing while a batch is decided: read under a row lock, changed in memory.

`decide` changes the Player that it is given and nothing else; storage writes back what moved.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple, NewType

from gamification.domain.ids import CustomerId, EventId, MerchantId
from gamification.domain.streak import ActiveDays


class Span(IntEnum):
    """What a bucket is for; its day is the first one of the span."""

    DAY = 0
    WEEK = 1
    MONTH = 2


BucketKey = NewType("BucketKey", int)
"""First day and span in one integer: twenty are made for each activity."""


def bucket_key(day: int, span: Span) -> BucketKey:
    return BucketKey(day << 2 | span)


def day_of(key: BucketKey) -> int:
    """First day of the bucket's span."""
    return key >> 2


def span_of(key: BucketKey) -> Span:
    return SPANS[key & 3]


SPANS: Final = tuple(Span)


@dataclass(slots=True)
class Bucket:
    """What caps, windows and boards keep of one customer's day, week or month."""

    counters: dict[int, int] = field(default_factory=dict)
    board_exp: int = 0
    """EXP for the period boards; of `Span.DAY` buckets only, by the merchant's day."""
    dirty: bool = False


class MemberKey(NamedTuple):
    """One member of a set: a completion, or a distinct value within a window."""

    counter: int
    since: int
    """First day of the window; 0 for ever."""
    value: str


@dataclass(slots=True)
class Member:
    board_day: int
    """Earliest known merchant's day: where `exp` counts on period boards."""
    exp: int
    dirty: bool = False


class PrizeKey(NamedTuple):
    rule: int
    tournament_id: str
    match_id: str
    """Empty where the tournament has none."""


class Stamp(NamedTuple):
    """Which `customer.updated` set a value: the greatest one wins, whenever it arrives."""

    occurred_ms: int = -1
    event_id: EventId = EventId(b"")


NO_STAMP: Final = Stamp()
NO_DAYS: Final = ActiveDays(0, 0)


@dataclass(slots=True)
class Player:
    """The first fields are in the order in which storage reads them."""

    merchant_id: MerchantId
    customer_id: CustomerId
    exp: int = 0
    coins: int = 0
    coins_earned: int = 0
    level: int = 1
    level_high: int = 1
    entries: int = 0
    current_streak: int = 0
    longest_streak: int = 0
    rulebook: int = 0
    """Mark of the rulebook under which all badges were last looked at; 0: a new customer."""
    locale: str | None = None
    timezone: str | None = None
    notify: bool = False
    locale_ever: bool = False
    active: ActiveDays = NO_DAYS
    badges: set[int] = field(default_factory=set)
    counters: dict[int, int] = field(default_factory=dict)
    locale_stamp: Stamp = NO_STAMP
    timezone_stamp: Stamp = NO_STAMP
    notify_stamp: Stamp = NO_STAMP

    dirty: bool = False
    """Whether the profile's own row moved. Buckets and members say it for themselves."""
    settings_dirty: bool = False
    """Whether `customer.updated` changed anything."""
    buckets: dict[BucketKey, Bucket] = field(default_factory=dict)
    newest_week: int = -1
    newest_month: int = -1
    """First days of the newest week and month that have a bucket: later ones are surely empty."""
    members: dict[MemberKey, Member] = field(default_factory=dict)
    prizes: dict[PrizeKey, EventId] = field(default_factory=dict)
    """Prizes paid already, of those that the batch may pay: what caused each."""
    board_days: set[int] = field(default_factory=set)
    """Merchant's days whose board_exp moved in this batch."""
