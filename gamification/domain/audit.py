"""What an audit entry says. No personal data anywhere: not in the subject, not in the details."""

from typing import NamedTuple

from gamification.domain.ids import MerchantId


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
