"""Customers whose badges were not looked at under the rulebook in force."""

from typing import Final
from uuid import UUID

from gamification.adapters.postgres.session import EngineSession, Tx
from gamification.domain.ids import CustomerId, MerchantId

NEXT: Final = """
    SELECT customer_id
      FROM profiles
     WHERE merchant_id = %b::uuid AND customer_id > %b::uuid AND rulebook <> %b::int
     ORDER BY customer_id
     LIMIT %b::int
"""

WAITING: Final = """
    SELECT count(*) FROM profiles WHERE merchant_id = %b::uuid AND rulebook <> %b::int
"""


def next_customers(
    tx: Tx, merchant: MerchantId, mark: int, after: CustomerId, limit: int
) -> list[CustomerId]:
    """Up to `limit` of them behind `after`, in the order in which everyone locks."""
    tx.execute(NEXT, (UUID(bytes=merchant), UUID(bytes=after), mark, limit))
    return [CustomerId(customer) for (customer,) in tx.fetchall()]


def waiting(session: EngineSession, merchant: MerchantId, mark: int) -> int:
    with session.transaction() as tx:
        tx.execute(WAITING, (UUID(bytes=merchant), mark))
        row = tx.fetchone()
        return int(row[0]) if row else 0
