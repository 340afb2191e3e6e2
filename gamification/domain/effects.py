"""Everything that deciding a batch brought about, besides the changed players."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from gamification.domain.activity import Activity
from gamification.domain.ids import BadgeId, EventId
from gamification.domain.player import Player, PrizeKey
from gamification.domain.rulebook import Reward


class Entry(NamedTuple):
    """One row of the ledger: both currencies of one cause and rule. Amounts are signed."""

    player: Player
    number: int
    exp: int
    coins: int
    exp_after: int
    coins_after: int
    type_code: int
    rule_code: int
    cause: EventId


class BadgeAwarded(NamedTuple):
    player: Player
    badge: BadgeId
    cause: Activity


class LevelReached(NamedTuple):
    player: Player
    level: int
    reward: Reward
    cause: Activity


class StreakDay(NamedTuple):
    """A day became active; the streaks as they are after it."""

    player: Player
    day: int
    current: int
    longest: int
    cause: Activity


Announcement: TypeAlias = BadgeAwarded | LevelReached | StreakDay


class Refusal(StrEnum):
    DUPLICATE_PAYOUT = "duplicate_payout"
    INSUFFICIENT_COINS = "insufficient_coins"


class Refused(NamedTuple):
    """A coin entry that was not made. EXP, counts and streak of the activity go on."""

    player: Player
    rule_code: int
    type_code: int
    coins: int
    reason: Refusal
    cause: Activity


class Prize(NamedTuple):
    """A prize paid: its key is taken from now on."""

    player: Player
    key: PrizeKey
    coins: int
    cause: Activity


@dataclass(slots=True)
class Effects:
    """In the order in which they came about."""

    entries: list[Entry] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    prizes: list[Prize] = field(default_factory=list)
    warnings: int = 0
    """Unknown time zones and languages that were ignored."""
