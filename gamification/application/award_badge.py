"""Badges that other services give: many calls in one transaction, as activities are handled.

The same locks in the same order as `award`: customers, then the append lock. So a call waits for
a batch of activities that concerns its customer, and for nothing else.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from gamification.adapters.postgres import profiles, rulebooks
from gamification.adapters.postgres.profiles import CustomerKey
from gamification.adapters.postgres.session import EngineSession, Tx, pipelined
from gamification.application.award import Outcome, StaleRules, write_effects
from gamification.application.rules import Tenants
from gamification.application.told import tell_badges
from gamification.domain.errors import Unavailable
from gamification.domain.grant import Granted, cause_of, grant
from gamification.domain.ids import BadgeId, CustomerId, MerchantId
from gamification.domain.player import Player
from gamification.domain.turn import Turn
from gamification.telemetry import traces
from gamification.telemetry.killpoints import reached
from gamification.telemetry.traces import Kind

TRIES: Final = 3


class BadgeCall(NamedTuple):
    """One call, authorised and checked for its form."""

    merchant_id: MerchantId
    customer_id: CustomerId
    badge: BadgeId
    actor: str
    """Who asked, for the audit: the token's subject."""
    traceparent: str | None = None
    is_known: bool = False
    """Whether somebody who must know said that the customer exists."""


class Answer(Enum):
    """What became of a call."""

    AWARDED = auto()
    ALREADY_AWARDED = auto()
    NOT_ELIGIBLE = auto()
    UNKNOWN_BADGE = auto()
    UNKNOWN_MERCHANT = auto()
    UNKNOWN_CUSTOMER = auto()
    """Nobody here has heard of the customer: ask who must know, and call again."""


ANSWERS: Final = {
    Granted.AWARDED: Answer.AWARDED,
    Granted.ALREADY_AWARDED: Answer.ALREADY_AWARDED,
    Granted.NOT_ELIGIBLE: Answer.NOT_ELIGIBLE,
    Granted.UNKNOWN_BADGE: Answer.UNKNOWN_BADGE,
}


class Reply(NamedTuple):
    answer: Answer
    locale: str
    """The customer's language, else the merchant's default; empty for an unknown merchant."""
    name_key: str = ""
    """Translation key of the badge's name; empty for an unknown badge."""


class BadgeAwarder:
    """Handles calls on one connection. For one thread."""

    def __init__(self, session: EngineSession, tenants: Tenants, now_ms: Callable[[], int]) -> None:
        self._session = session
        self._tenants = tenants
        self._now_ms = now_ms

    def award(self, calls: Sequence[BadgeCall]) -> list[Reply]:
        """Decide, write and announce all calls, or none of them; a reply for each, in order.

        Safe to repeat. Raises Suspect when one of them may be at fault, Unavailable, Halt.
        """
        span = traces.begin(
            "award_badge batch",
            Kind.INTERNAL,
            attributes={"gamification.calls": len(calls)},
            links=(call.traceparent for call in calls),
        )
        failed: str | None = "not committed"
        try:
            for _ in range(TRIES):
                try:
                    replies = self._attempt(calls)
                except StaleRules:
                    self._tenants.renew()
                else:
                    failed = None
                    return replies
            raise Unavailable("rules or merchants change faster than they can be read")
        finally:
            if span is not None:
                span.end(error=failed)

    def _attempt(self, calls: Sequence[BadgeCall]) -> list[Reply]:
        tenants = self._tenants.load({call.merchant_id for call in calls})
        outcome = Outcome()
        with self._session.transaction() as tx:
            if not self._tenants.is_current(rulebooks.generation_in(tx)):
                raise StaleRules
            players = _lock(tx, [call for call in calls if call.merchant_id in tenants])
            reached("award_badge.after_lock")
            now_ms = self._now_ms()
            replies: list[Reply] = []
            for call in calls:
                tenant = tenants.get(call.merchant_id)
                player = players.get((call.merchant_id, call.customer_id))
                if tenant is None:
                    replies.append(Reply(Answer.UNKNOWN_MERCHANT, ""))
                    continue
                merchant, rules = tenant
                if player is None:
                    replies.append(Reply(Answer.UNKNOWN_CUSTOMER, merchant.default_locale))
                    continue
                key = call.merchant_id, call.customer_id, call.badge
                cause = cause_of(*key, now_ms, call.traceparent)
                outcome.actors.setdefault(cause.event_id, call.actor)
                granted = grant(Turn(cause, player, tenant, outcome.effects), call.badge)
                locale = player.locale or merchant.default_locale
                place = rules.by_id.get(call.badge)
                name_key = "" if place is None else rules.badges[place].name_key
                replies.append(Reply(ANSWERS[granted], locale, name_key))
            if outcome.effects.announcements:
                with pipelined(tx):
                    write_effects(tx, outcome, list(players.values()), tenants, now_ms)
            reached("award_badge.before_commit")
        reached("award_badge.after_commit")
        tell_badges(outcome)
        return replies


def _lock(tx: Tx, calls: Sequence[BadgeCall]) -> dict[CustomerKey, Player]:
    """The customers that exist, or surely may: those are made."""
    wanted = {(call.merchant_id, call.customer_id) for call in calls}
    if not wanted:
        return {}
    known = {(call.merchant_id, call.customer_id) for call in calls if call.is_known}
    existing = profiles.existing(tx, sorted(wanted))
    missing = sorted(known - existing)
    if missing:
        profiles.create_missing(tx, missing)
    keys = sorted(existing | known)
    return profiles.lock(tx, keys) if keys else {}
