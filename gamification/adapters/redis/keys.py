"""Every key in Redis, and nothing else. Names are stable; a value's format has its own version.

In a cluster, keys that one script touches must share a slot. The slot of `position:{X}` and
`building:{X}` is that of the key X itself, because a hash tag is hashed like a whole key.
"""

from datetime import date
from typing import Final

from gamification.domain.board import Board, Period
from gamification.domain.ids import EventId, MerchantId, uuid_text
from gamification.domain.translation import is_key

FORMAT: Final = "1"
"""Version of the structured values: of PROJECTION and of every `position:`."""

LEADERBOARD: Final = "leaderboard:"
ALL_LEADERBOARDS: Final = LEADERBOARD + "*"

PROJECTION: Final = "position:{projection}"
"""Hash: how far the projection is, and the position that each board must have at least."""


def leaderboard(board: Board) -> str:
    """Sorted set: member is the customer's id as text, score is EXP."""
    key = LEADERBOARD + uuid_text(board.merchant_id)
    if board.period is Period.EVER:
        return key
    return f"{key}:{board.period}:{board.start.isoformat()}"


def board_of(key: str) -> Board | None:
    """The board that `leaderboard` named so; None for any other text."""
    parts = key.removeprefix(LEADERBOARD).split(":")
    try:
        merchant_id = MerchantId(bytes.fromhex(parts[0].replace("-", "")))
        if len(parts) == 1:
            board = Board(merchant_id)
        else:
            letter, start = parts[1:]
            board = Board(merchant_id, Period(letter), date.fromisoformat(start))
    except ValueError:
        return None
    return board if leaderboard(board) == key else None


def position(board_key: str) -> str:
    """Hash: which changes a board holds for sure, see `board_writer`."""
    return f"position:{{{board_key}}}"


def building(board_key: str, builder: str) -> str:
    """Sorted set that becomes the board in one step. `builder` keeps two builders apart."""
    return f"building:{{{board_key}}}:{builder}"


def rate_limit(limit: str, who: str) -> str:
    """String: the theoretical arrival time of `who`, see `rate_limit`. Expires by itself."""
    return f"rate_limit:{limit}:{who}"


TRANSLATIONS: Final = "translations:"


def translation(key: str, locale: str) -> str:
    """String: the text of this key in this locale, or that there is none; see `translations`."""
    return f"{TRANSLATIONS}{key}:{locale}"


def translation_of(name: str) -> tuple[str, str | None] | None:
    """Key and locale that `translation` named so, or that a key without a locale means in all.

    None for any other text: invalidations come from anybody.
    """
    key, _, locale = name.removeprefix(TRANSLATIONS).partition(":")
    if not name.startswith(TRANSLATIONS) or not is_key(key):
        return None
    return key, locale or None


def processed(merchant_id: MerchantId, event_id: EventId) -> str:
    """String: the content hash of an event that was surely counted."""
    return f"processed:{uuid_text(merchant_id)}:{uuid_text(event_id)}"


def revoked(token_id: str) -> str:
    """Whatever its value, it says that this token is revoked."""
    return f"jwt_blacklist:{token_id}"
