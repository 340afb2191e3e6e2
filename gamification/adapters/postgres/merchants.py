"""Tenants: read, and made with defaults at their first event."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

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


LIST: Final = """
    SELECT merchant_id, timezone, default_locale, created_at
      FROM merchants ORDER BY merchant_id LIMIT %b::int
"""

SET: Final = """
    INSERT INTO merchants (merchant_id, timezone, default_locale)
    VALUES (%b::uuid, %b::text, coalesce(%b::text, 'en'))
    ON CONFLICT (merchant_id) DO UPDATE
       SET timezone = coalesce(%b::text, merchants.timezone),
           default_locale = coalesce(%b::text, merchants.default_locale)
"""

BUMP: Final = "UPDATE generation SET number = number + 1"


class Row(NamedTuple):
    merchant_id: MerchantId
    timezone: str | None
    default_locale: str
    created_at: datetime


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


def first(session: EngineSession, limit: int) -> list[Row]:
    """Up to `limit` merchants, in the order of their ids."""
    with session.transaction() as tx:
        tx.execute(LIST, (limit,))
        return [Row(*row) for row in tx.fetchall()]


def put(
    session: EngineSession, merchant: MerchantId, timezone: str | None, locale: str | None
) -> None:
    """Make or change a merchant; None leaves a value as it is. Workers see it at once.

    A changed time zone moves no day that was counted already.
    """
    with session.transaction() as tx:
        tx.execute(SET, (UUID(bytes=merchant), timezone, locale, timezone, locale))
        tx.execute(BUMP)
