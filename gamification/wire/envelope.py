"""What comes from Kafka and what goes to it, as values."""

from dataclasses import dataclass
from typing import NamedTuple

from gamification.domain.activity import Activity
from gamification.domain.errors import Reason
from gamification.domain.ids import EventId, MerchantId

Headers = tuple[tuple[str, bytes], ...]


class Position(NamedTuple):
    """Where a record is. `offset` is its own, not the next one."""

    topic: str
    partition: int
    offset: int


class Record(NamedTuple):
    """One Kafka record as polled. A tuple, because twenty thousand a second are made."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def position(self) -> Position:
        return Position(self.topic, self.partition, self.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that can never succeed, kept whole, with the reason.

    `origin` and `origin_timestamp_ms` survive replays: they say where the bytes were first
    seen. `source` is where the bytes are now (the replay topic, for a letter that came back).
    `value` is None with `by_reference` set when the bytes must not enter a table (an
    undecodable `customer.updated` may hold an address): the relay copies them from `source`.
    """

    origin: Position
    origin_timestamp_ms: int
    source: Position
    key: bytes | None
    value: bytes | None
    by_reference: bool
    reason: Reason
    detail: str
    attempts: int
    """1 the first time, one more each time that a replay of it failed again."""
    first_failed_ms: int
    traceparent: str | None
    event_id: EventId | None
    merchant_id: MerchantId | None
    address_blanked: bool = False
    """`value` had an address (`email`) that was taken out: a replay still knows there was one."""


class Decoded(NamedTuple):
    """A record and what it turned out to be: exactly one of the two is set."""

    record: Record
    activity: Activity | None
    letter: DeadLetter | None


class OutboxRow(NamedTuple):
    """One record that must reach Kafka, exactly once.

    `schema_version` 0 means that `value` is published as it is (dead letters); otherwise
    `value` is an Avro body of that version of the topic's schema, and the relay puts the
    registry's schema id before it. `headers` are complete but for `event_type` and `outbox_id`.
    """

    topic: str
    schema_version: int
    key: bytes | None
    value: bytes | None
    traceparent: str | None
    letter: str | None
    """JSON of a dead letter's headers and, by reference, of its source. None for others."""
