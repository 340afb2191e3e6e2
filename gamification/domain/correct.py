"""Operators' corrections: an entry that nobody earned, or the opposite of one that was wrong.

The level follows the EXP, down too. Nothing else is taken back: badges stay, rewards of levels
reached are not paid a second time, caps and completions stay used up, and a prize's key stays
taken. Boards of days, weeks and months show what activities paid, and so stay as they are.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from gamification.domain.activity import Activity
from gamification.domain.cause import stand_in
from gamification.domain.compile import EntryType
from gamification.domain.decide import meet_rulebook
from gamification.domain.effects import Entry
from gamification.domain.errors import InvalidArgument
from gamification.domain.ids import CustomerId, MerchantId
from gamification.domain.settle import settle
from gamification.domain.turn import Turn

AMOUNT_MAX: Final = 1_000_000_000
"""Of one correction, in either direction: a slip of the finger must not fill a balance."""
BALANCE_MAX: Final = 2**53
"""What a leaderboard's score holds exactly."""
KEY_CHARACTERS_MAX: Final = 100
REASON_CHARACTERS_MAX: Final = 200


class Correction(NamedTuple):
    """One entry to be made. Amounts are signed and not both 0."""

    exp: int
    coins: int
    key: str
    """Unique for the customer: the same key is never paid twice."""
    entry_type: EntryType = EntryType.ADMIN_AWARD
    reverses: int | None = None
    """Number of the entry whose opposite it is."""


class Lacking(StrEnum):
    """Why a correction cannot be made."""

    EXP = "exp"
    COINS = "coins"


def award_of(exp: int, coins: int, key: str) -> Correction:
    """A correction of so much. Raises InvalidArgument."""
    for name, amount in (("exp", exp), ("coins", coins)):
        if abs(amount) > AMOUNT_MAX:
            raise InvalidArgument(f"{name}: {-AMOUNT_MAX} to {AMOUNT_MAX}")
    if not exp and not coins:
        raise InvalidArgument("exp, coins: one of them must not be 0")
    return Correction(exp, coins, f"award:{_line(key, 'key', KEY_CHARACTERS_MAX)}")


def opposite_of(entry: int, exp: int, coins: int, type_code: int) -> Correction:
    """What takes entry number `entry` back; under a key that only this entry's opposite has."""
    payout = type_code == EntryType.TOURNAMENT_PAYOUT
    of_type = EntryType.PAYOUT_REVERSAL if payout else EntryType.ADMIN_AWARD
    return Correction(-exp, -coins, f"reverse:{entry}", of_type, entry)


def checked_reason(reason: str) -> str:
    """For the audit log, which holds nothing personal. Raises InvalidArgument."""
    if "@" in reason:
        raise InvalidArgument("reason: no addresses; the audit log is kept for years")
    return _line(reason, "reason", REASON_CHARACTERS_MAX)


def cause_of(
    merchant_id: MerchantId, customer_id: CustomerId, correction: Correction, now_ms: int
) -> Activity:
    """What stands as the correction's cause."""
    fact = b"correction:" + merchant_id + customer_id + correction.key.encode()
    return stand_in(fact, merchant_id, customer_id, now_ms)


def correct(turn: Turn, correction: Correction, rule_code: int) -> Entry | Lacking:
    """Make the correction's entry for the turn's player, with all that follows from it.

    The entry is returned and not among the turn's effects: it says more than others do. Nothing
    changes when a balance would fall below 0, or rise above what a leaderboard can hold.
    """
    player = turn.player
    if not 0 <= player.exp + correction.exp <= BALANCE_MAX:
        return Lacking.EXP
    if not 0 <= player.coins + correction.coins <= BALANCE_MAX:
        return Lacking.COINS
    if player.rulebook != turn.rules.mark:
        meet_rulebook(turn)
    turn.pay(correction.exp, correction.coins, correction.entry_type, rule_code)
    entry = turn.effects.entries.pop()
    settle(turn)
    return entry


def _line(text: str, field: str, characters_max: int) -> str:
    cleaned = text.strip()
    if not cleaned or len(cleaned) > characters_max or not cleaned.isprintable():
        raise InvalidArgument(f"{field}: one line of 1 to {characters_max} characters")
    return cleaned
