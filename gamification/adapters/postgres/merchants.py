"""Tenants: read, and made with defaults at their first event."""

from collections.abc import Sequence
from typing import Final

from gamification.adapters.postgres.arrays import uuids
from gamification.adapters.postgres.session import EngineSession
from gamification.domain.ids import MerchantId
from gamification.domain.merchant import Merchant

CREATE: Final = """
    INSERT INTO merchants (merchant_id)
    SELECT m FROM unnest(%b::uuid[]) AS t (m) ORDER BY m
    ON CONFLICT DO NOTHING
"""

READ: Final = """
    SELECT merchant_id, timezone, default_locale
      FROM unnest(%b::uuid[]) AS wanted (m) JOIN merchants ON merchant_id = m
"""


def read(
    session: EngineSession, ids: Sequence[MerchantId], *, create: bool
) -> dict[MerchantId, Merchant]:
    """Those of `ids` that exist; with `create` the others are made first, with defaults."""
    wanted = uuids(sorted(set(ids)))
    with session.transaction() as tx:
        if create:
            tx.execute(CREATE, (wanted,))
        tx.execute(READ, (wanted,))
        return {
            MerchantId(merchant_id): Merchant(timezone, locale)
            for merchant_id, timezone, locale in tx.fetchall()
        }
