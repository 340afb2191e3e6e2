"""Who did what to whom, kept for the merchant. No personal data anywhere."""

from collections.abc import Sequence
from typing import Final

from gamification.adapters.postgres.arrays import texts, uuids
from gamification.adapters.postgres.session import Tx
from gamification.domain.audit import Entry
from gamification.wire.audit import audit_id

APPEND: Final = """
    INSERT INTO audit_logs (merchant_id, id, actor, action, subject, outcome, details)
    SELECT m, i, a, d, s, o, t::jsonb
      FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[],
                  %b::text[]) AS told (m, i, a, d, s, o, t)
    ON CONFLICT DO NOTHING
"""


def append(tx: Tx, entries: Sequence[Entry]) -> None:
    """Many entries in one statement, each under the id that its record on `audit_log` has.

    Give the same entries to `wire.audit.announced` for the outbox, in the same transaction.
    The same fact twice is one row: `cause` must tell two facts apart.
    """
    if not entries:
        return
    tx.execute(
        APPEND,
        (
            uuids([e.merchant_id for e in entries]),
            uuids([audit_id(e) for e in entries]),
            texts([e.actor for e in entries]),
            texts([e.action for e in entries]),
            texts([e.subject for e in entries]),
            texts([e.outcome for e in entries]),
            texts([e.details for e in entries]),
        ),
    )
