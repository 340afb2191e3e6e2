"""When and why each badge was awarded; the profile holds which, for deciding."""

from collections.abc import Sequence
from typing import Final

from gamification.adapters.postgres.arrays import texts, uuids
from gamification.adapters.postgres.session import Tx
from gamification.domain.effects import BadgeAwarded

AWARD: Final = """
    INSERT INTO customer_badges (merchant_id, customer_id, badge, cause)
    SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::uuid[])
"""


def award(tx: Tx, awarded: Sequence[BadgeAwarded]) -> None:
    """Record new badges. The primary key is what makes a second award impossible."""
    if not awarded:
        return
    tx.execute(
        AWARD,
        (
            uuids([a.player.merchant_id for a in awarded]),
            uuids([a.player.customer_id for a in awarded]),
            texts([a.badge for a in awarded]),
            uuids([a.cause.event_id for a in awarded]),
        ),
    )
