"""Plain `points.earned` of numbered customers: for loads whose customers must be known before.

Ids are scattered like random ones, because neighbours in an index would be cheaper than real
customers are; SQL can compute the same ids, see CUSTOMER_SQL.
"""

import hashlib
import uuid
from typing import Final

from bench.workload.delivery import Datum
from gamification.domain.activity import Kind
from gamification.domain.ids import MerchantId

TOPIC: Final = Kind.POINTS_EARNED.value
CUSTOMER_SQL: Final = "md5('customer ' || n)::uuid"
MERCHANT_SQL: Final = "md5('merchant ' || m)::uuid"
MERCHANT: Final = MerchantId(hashlib.md5(b"merchant", usedforsecurity=False).digest())
MERCHANT_TEXT: Final = str(uuid.UUID(bytes=MERCHANT))


def customer_text(number: int) -> str:
    """As CUSTOMER_SQL computes it."""
    return str(uuid.UUID(bytes=_scattered(f"customer {number}")))


def merchant_text(number: int) -> str:
    """One of many, for calls, which are limited for each. As MERCHANT_SQL computes it."""
    return str(uuid.UUID(bytes=_scattered(f"merchant {number}")))


def points(event: str, customer: str, amount: int, occurred_ms: int) -> Datum:
    """One event; `event` is any text that tells it from others."""
    return {
        "event_id": str(uuid.UUID(bytes=_scattered(f"event {event}"))),
        "customer_id": customer,
        "merchant_id": MERCHANT_TEXT,
        "points": amount,
        "occurred_at": occurred_ms,
        "trace_id": None,
    }


def _scattered(text: str) -> bytes:
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()
