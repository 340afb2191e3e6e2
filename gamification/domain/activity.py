"""What a customer did. The input of every rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gamification.domain.ids import CustomerId, EventId, MerchantId


class Kind(StrEnum):
    """What can happen. The value is the topic's name, and the word that rulebooks use."""

    POINTS_EARNED = "points.earned"
    LESSON_COMPLETED = "lesson.completed"
    TOURNAMENT_RESULT = "tournament.result"
    CUSTOMER_UPDATED = "customer.updated"
    ACTIVITY_RECORDED = "activity.recorded"

    __hash__ = str.__hash__  # Enum's own is written in Python, and every activity asks for it


KIND_CODES: Final[Mapping[Kind, int]] = {kind: code for code, kind in enumerate(Kind, start=1)}
"""What Postgres stores. Append only."""

ATTRIBUTES_PREFIX: Final = "attributes."
"""`activity.recorded`'s map appears in `fields` flattened: attributes.channel -> its value."""

EVENT_FIELDS: Final[Mapping[Kind, Mapping[str, type[int] | type[str]]]] = {
    Kind.POINTS_EARNED: {"points": int},
    Kind.LESSON_COMPLETED: {"lesson_id": str, "course_id": str, "score": int},
    Kind.TOURNAMENT_RESULT: {
        "tournament_id": str,
        "match_id": str,
        "outcome": str,
        "placement": int,
        "prize_coins": int,
        "duration_s": int,
    },
    Kind.CUSTOMER_UPDATED: {"language": str, "timezone": str, "has_address": int},
    Kind.ACTIVITY_RECORDED: {"activity_type": str, "amount": int},
}
"""Business fields of each kind as rules may name them (besides `attributes.<key>`)."""


@dataclass(slots=True)
class Activity:
    """One thing that a customer did, once. Nobody changes one after it was decoded, but for the
    trace context, see `application/record_spans.py`.

    Not frozen: a frozen slots class takes 2 us longer to make, and one is made per record.
    """

    kind: Kind
    merchant_id: MerchantId
    customer_id: CustomerId
    event_id: EventId
    occurred_ms: int
    """Milliseconds since 1970 UTC. The only clock that a rule may read."""
    fields: Mapping[str, int | str]
    """Business fields that were present; see EVENT_FIELDS. A null field is absent."""
    content_hash: int
    """Signed 64 bit, over the kind and every business field but `trace_id`."""
    traceparent: str | None = None
    """W3C trace context of the producer, passed on to what this activity causes."""
    trace_id: str | None = None
