"""A badge that somebody gives, instead of one that is earned."""

from enum import Enum, auto

from gamification.domain.activity import Activity
from gamification.domain.cause import stand_in
from gamification.domain.decide import meet_rulebook
from gamification.domain.ids import BadgeId, CustomerId, MerchantId
from gamification.domain.settle import give, may_hold, settle
from gamification.domain.turn import Turn


class Granted(Enum):
    """How it ended."""

    AWARDED = auto()
    ALREADY_AWARDED = auto()
    NOT_ELIGIBLE = auto()
    UNKNOWN_BADGE = auto()


def grant(turn: Turn, badge_id: BadgeId) -> Granted:
    """Give the badge to the turn's player, with all that follows from it.

    Nothing changes unless it is AWARDED. The same as if the badge had been earned: which badges
    the customer has in the end does not depend on when it was given.
    """
    place = turn.rules.by_id.get(badge_id)
    if place is None:
        return Granted.UNKNOWN_BADGE
    badge = turn.rules.badges[place]
    if badge.code in turn.player.badges:
        return Granted.ALREADY_AWARDED
    if not may_hold(badge, turn.player):
        return Granted.NOT_ELIGIBLE
    if turn.player.rulebook != turn.rules.mark:
        meet_rulebook(turn)
    give(turn, badge)
    settle(turn)
    return Granted.AWARDED


def cause_of(
    merchant_id: MerchantId,
    customer_id: CustomerId,
    badge_id: BadgeId,
    now_ms: int,
    traceparent: str | None = None,
) -> Activity:
    """What stands as the cause of a badge that was given."""
    fact = b"award_badge:" + merchant_id + customer_id + badge_id.encode()
    return stand_in(fact, merchant_id, customer_id, now_ms, traceparent)
