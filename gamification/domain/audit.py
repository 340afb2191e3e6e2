"""What an audit entry says. No personal data anywhere: not in the subject, not in the details."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from gamification.domain.effects import BadgeAwarded
from gamification.domain.ids import EventId, MerchantId, uuid_text

ENGINE: Final = "engine"
"""The actor where a rule decided and nobody asked."""


class Entry(NamedTuple):
    """Who did what to whom, for one merchant."""

    merchant_id: MerchantId
    actor: str
    action: str
    subject: str
    details: str = "{}"
    """A JSON object."""
    outcome: str = "ok"
    cause: str = ""
    """Tells two like actions on one subject apart: with these it makes the entry's id."""
    trace_id: str | None = None
    traceparent: str | None = None


def badges_awarded(facts: Iterable[BadgeAwarded], actors: Mapping[EventId, str]) -> list[Entry]:
    """An entry for each badge. `actors`: who asked, by cause; ENGINE for the others.

    The details name the badge and not the activity that happened to bring it: which one does
    depends on the order of arrival.
    """
    return [
        Entry(
            player.merchant_id,
            actors.get(cause.event_id, ENGINE),
            "badge.award",
            f"customer:{uuid_text(player.customer_id)}",
            f'{{"badge":"{badge}"}}',
            cause=badge,
            trace_id=cause.trace_id,
            traceparent=cause.traceparent,
        )
        for player, badge, cause in facts
    ]
