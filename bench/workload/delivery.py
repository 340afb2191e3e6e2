"""One record on its way to Kafka, and what must become of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from gamification.domain.activity import Activity
from gamification.domain.errors import Reason
from gamification.domain.ids import MerchantId

Datum: TypeAlias = Mapping[str, object]
"""Field names of the topic's Avro schema and their values."""

Headers: TypeAlias = tuple[tuple[str, bytes], ...]

Spoil: TypeAlias = Callable[[bytes, int], bytes | None]
"""Makes good bytes bad. Gets the framed value and the id of a hostile schema."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record can never succeed."""

    name: str
    reason: Reason
    spoil: Spoil | None = None
    """None: the bytes are as the datum says, its content is what is wrong."""
    merchant: MerchantId | None = None
    """Whose letter it becomes; None where nobody can tell from the bytes."""


class Delivery(NamedTuple):
    """One send. A duplicate is a second delivery of the same datum."""

    topic: str
    key: bytes | None
    schema: str
    """Topic whose schema the datum is written with; differs from `topic` for a replay."""
    datum: Datum
    timestamp_ms: int
    headers: Headers
    activity: Activity | None
    """What the first delivery of a valid event says; None for duplicates and bad records."""
    fault: Fault | None


class SentBad(NamedTuple):
    """A bad record as Kafka stored it: what its dead letter must repeat."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    letter_value: bytes | None
    """The record's own bytes, but for the address of a readable `customer.updated`."""
    fault: Fault
