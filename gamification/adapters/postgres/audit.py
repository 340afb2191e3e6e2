"""Who did what to whom, kept for the merchant. No personal data anywhere."""

from typing import Final, NamedTuple
from uuid import UUID

from gamification.adapters.postgres.session import Tx
from gamification.domain.ids import MerchantId

WRITE: Final = """
    INSERT INTO audit_logs (merchant_id, actor, action, subject, outcome, details)
    VALUES (%b::uuid, %b::text, %b::text, %b::text, %b::text, %b::text::jsonb)
"""


class Entry(NamedTuple):
    merchant_id: MerchantId
    actor: str
    action: str
    subject: str
    details: str = "{}"
    """A JSON object."""
    outcome: str = "ok"


def write(tx: Tx, entry: Entry) -> None:
    tx.execute(
        WRITE,
        (
            UUID(bytes=entry.merchant_id),
            entry.actor,
            entry.action,
            entry.subject,
            entry.outcome,
            entry.details,
        ),
    )
