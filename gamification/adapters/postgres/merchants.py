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
    SELECT merchant_id, timezone, default_locale, created_at, audit_retention_days,
           audit_keep_months
      FROM merchants ORDER BY merchant_id LIMIT %b::int
"""

SET: Final = """
    INSERT INTO merchants AS known (merchant_id, timezone, default_locale, audit_retention_days,
                                    audit_keep_months)
    VALUES (%b::uuid, %b::text, coalesce(%b::text, 'en'), coalesce(%b::int, 90),
            coalesce(%b::int, 12))
    ON CONFLICT (merchant_id) DO UPDATE
       SET timezone = coalesce(%b::text, known.timezone),
           default_locale = coalesce(%b::text, known.default_locale),
           audit_retention_days = coalesce(%b::int, known.audit_retention_days),
           audit_keep_months = coalesce(%b::int, known.audit_keep_months)
"""

BUMP: Final = "UPDATE generation SET number = number + 1"


class Row(NamedTuple):
    merchant_id: MerchantId
    timezone: str | None
    default_locale: str
    created_at: datetime
    audit_retention_days: int
    audit_keep_months: int


class Change(NamedTuple):
    """What to set; None leaves a value as it is."""

    timezone: str | None = None
    locale: str | None = None
    audit_retention_days: int | None = None
    """90 to 180."""
    audit_keep_months: int | None = None
    """12 to 1200."""


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


def put(session: EngineSession, merchant: MerchantId, change: Change) -> None:
    """Make or change a merchant. Workers see it at once.

    A changed time zone moves no day that was counted already. Raises Suspect for audit times
    outside of their ranges.
    """
    with session.transaction() as tx:
        tx.execute(SET, (UUID(bytes=merchant), *change, *change))
        tx.execute(BUMP)
