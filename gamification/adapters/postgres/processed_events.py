"""Which events were counted. The dedupe, and the only one that is the truth."""

from collections.abc import Sequence
from typing import Final

from gamification.adapters.postgres.arrays import bigints, smallints, uuids
from gamification.adapters.postgres.session import Tx
from gamification.domain.activity import KIND_CODES, Activity
from gamification.domain.ids import EventId, MerchantId

EventKey = tuple[MerchantId, EventId]

CLAIM: Final = """
    INSERT INTO processed_events (merchant_id, event_id, content_hash, kind)
    SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::bigint[], %b::smallint[])
    ON CONFLICT DO NOTHING
    RETURNING merchant_id, event_id
"""

READ: Final = """
    SELECT merchant_id, event_id, content_hash
      FROM unnest(%b::uuid[], %b::uuid[]) AS wanted (m, e)
      JOIN processed_events ON merchant_id = m AND event_id = e
"""


def claim(tx: Tx, activities: Sequence[Activity]) -> dict[EventKey, int]:
    """Claim the ids of `activities`, which are distinct; return those that others had claimed.

    The value is the content hash under which the id was counted: equal to the activity's means a
    duplicate, another one a conflict. A concurrent claim of the same id waits here until the
    other transaction ends. Ids go in sorted, so two workers cannot wait for each other.
    """
    if not activities:
        return {}
    ordered = sorted(activities, key=lambda a: (a.merchant_id, a.event_id))
    tx.execute(
        CLAIM,
        (
            uuids([a.merchant_id for a in ordered]),
            uuids([a.event_id for a in ordered]),
            bigints([a.content_hash for a in ordered]),
            smallints([KIND_CODES[a.kind] for a in ordered]),
        ),
    )
    fresh = set(tx.fetchall())
    if len(fresh) == len(ordered):
        return {}
    known = [a for a in ordered if (a.merchant_id, a.event_id) not in fresh]
    tx.execute(READ, (uuids([a.merchant_id for a in known]), uuids([a.event_id for a in known])))
    return {(merchant, event): hashed for merchant, event, hashed in tx.fetchall()}
