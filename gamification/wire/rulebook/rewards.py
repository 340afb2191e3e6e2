"""What comes with a badge or a level."""

from gamification.domain.ids import BadgeId
from gamification.domain.rulebook import Reward
from gamification.wire.rulebook.cursor import Cursor


def reward_of(cursor: Cursor) -> Reward:
    """A reward; whether its badges exist is checked when all badges are known."""
    badges: list[BadgeId] = []
    for item in cursor.at("badges").items():
        if item.text is None:
            continue
        if item.text in badges:
            item.refuse(f"{item.text} is listed twice")
        badges.append(BadgeId(item.text))
    return Reward(
        exp=cursor.at("exp").whole or 0,
        coins=cursor.at("coins").whole or 0,
        badges=tuple(badges),
    )
