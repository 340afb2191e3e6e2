"""What stands as the cause of an entry or a badge where no event brought it."""

import hashlib

from gamification.domain.activity import Activity, Kind
from gamification.domain.ids import CustomerId, EventId, MerchantId


def stand_in(
    fact: bytes,
    merchant_id: MerchantId,
    customer_id: CustomerId,
    now_ms: int,
    traceparent: str | None = None,
) -> Activity:
    """An activity that earns nothing; its id follows from `fact`: asked again, it is the same."""
    event = stand_in_id(fact)
    return Activity(
        Kind.CUSTOMER_UPDATED, merchant_id, customer_id, event, now_ms, {}, 0, traceparent
    )


def stand_in_id(fact: bytes) -> EventId:
    return EventId(hashlib.blake2b(fact, digest_size=16).digest())
