"""Kafka records to activities: whatever the bytes are, the answer is an activity or a letter.

Nothing is retried here and nothing is logged. The only error that leaves is Unavailable, when
a schema that nobody has seen yet cannot be fetched; then nothing of the record was judged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gamification.domain.activity import Activity, Kind
from gamification.domain.errors import Reason, Rejected
from gamification.domain.ids import EventId, MerchantId
from gamification.wire import fields as check
from gamification.wire import topics
from gamification.wire.dead_letter import BLANKED_EMAIL, REPLAY_TOPIC, Origin, origin_of
from gamification.wire.envelope import DeadLetter, Decoded, Record
from gamification.wire.read import HEADER_BYTES, Reading, read_record, reading, without_text
from gamification.wire.trace import traceparent_of
from gamification.wire.vet import WriterSchema

VALUE_BYTES_MAX: Final = 1024 * 1024
WRITERS_MAX: Final = 1_000
"""Writers' schemas remembered per topic; a registry has few, so this is only a bound."""


MASKED: Final = "***"


@dataclass(slots=True)
class _Topic:
    """An input topic: how to build its activities, and its writers seen so far."""

    kind: Kind
    build: topics.Build
    reader: WriterSchema
    writers: dict[bytes, Reading | Rejected] = field(default_factory=dict)
    """By a value's first 5 bytes. A refused schema stays refused."""


class _Readable(NamedTuple):
    """The fields of a record that was refused, and what they were read with."""

    writer: Reading
    fields: dict[str, Any]


class _Kept(NamedTuple):
    """See the fields of these names in DeadLetter."""

    value: bytes | None
    by_reference: bool
    address_blanked: bool


class Decoder:
    """Decodes the records of the input topics and of the replay topic.

    `schemas` gives a writer's schema by its id; it raises Rejected(UNKNOWN_SCHEMA) or
    Unavailable. `readers` are our own schemas by topic. `now_ms`: milliseconds since 1970.
    Not for several threads at once.
    """

    def __init__(
        self,
        schemas: Callable[[int], WriterSchema],
        *,
        readers: Mapping[str, WriterSchema],
        now_ms: Callable[[], int],
        value_bytes_max: int = VALUE_BYTES_MAX,
    ) -> None:
        self._schemas = schemas
        self._now_ms = now_ms
        self._value_bytes_max = value_bytes_max
        self._topics = {
            str(kind): _Topic(kind, build, readers[kind]) for kind, build in topics.BUILDERS.items()
        }

    def decode(self, record: Record) -> Decoded:
        """Raises Unavailable when the writer's schema cannot be fetched now."""
        return self._decode(record, self._now_ms())

    def decode_all(self, records: Sequence[Record]) -> list[Decoded]:
        """As `decode` for each, in order, at one moment. Raises Unavailable for all of them."""
        now_ms = self._now_ms()
        return [self._decode(record, now_ms) for record in records]

    def dead_letter(self, record: Record, reason: Reason, detail: str) -> DeadLetter:
        """The letter for a record, also for reasons that are found only after decoding.

        `detail` is one line and holds nothing of the payload. Never raises: it fetches nothing.
        """
        try:
            origin = self._origin(record)
        except Rejected:
            origin = Origin(record.position, record.timestamp_ms, 0, None, address_blanked=False)
        topic = self._topics.get(origin.position.topic)
        read = None if topic is None else self._read_again(record, topic)
        kept = _without_address(record, origin, read)
        return DeadLetter(
            origin=origin.position,
            origin_timestamp_ms=origin.timestamp_ms,
            source=record.position,
            key=record.key,
            value=kept.value,
            by_reference=kept.by_reference,
            reason=reason,
            detail=detail,
            attempts=origin.attempts + 1,
            first_failed_ms=origin.first_failed_ms or self._now_ms(),
            traceparent=traceparent_of(record.headers),
            event_id=EventId(raw) if (raw := _id(read, "event_id")) else None,
            merchant_id=MerchantId(raw) if (raw := _id(read, "merchant_id")) else None,
            address_blanked=kept.address_blanked,
        )

    def fields(self, record: Record) -> dict[str, Any]:
        """What a record says, for a person to look at; an address in it is masked.

        Of a record that came back or is a letter, too. Raises Rejected with the reason why it
        cannot be read, Unavailable when its schema cannot be fetched now.
        """
        topic = self._topics[self._origin(record).position.topic]
        value = record.value
        if not value or len(value) > self._value_bytes_max:
            raise Rejected(Reason.MALFORMED, "value: empty, or too large to be read")
        writer = topic.writers.get(value[:HEADER_BYTES]) or self._meet(topic, value)
        if isinstance(writer, Rejected):
            raise Rejected(writer.reason, writer.detail)
        read = read_record(value, writer)
        if read.get("email"):
            read["email"] = MASKED
        return read

    def _decode(self, record: Record, now_ms: int) -> Decoded:
        try:
            return Decoded(record, self._activity(record, now_ms), None)
        except Rejected as error:
            return Decoded(record, None, self.dead_letter(record, error.reason, error.detail))

    def _activity(self, record: Record, now_ms: int) -> Activity:
        topic = self._topics.get(record.topic)
        timestamp_ms, blanked = record.timestamp_ms, False
        if topic is None:
            origin = self._origin(record)
            topic = self._topics[origin.position.topic]
            timestamp_ms, blanked = origin.timestamp_ms, origin.address_blanked
        value = record.value
        if not value:
            raise Rejected(Reason.MALFORMED, "value: empty or null")
        if len(value) > self._value_bytes_max:
            raise Rejected(Reason.TOO_LARGE, f"value: at most {self._value_bytes_max} bytes")
        writer = topic.writers.get(value[:HEADER_BYTES])
        if writer is None:
            writer = self._meet(topic, value)
        if isinstance(writer, Rejected):
            raise Rejected(writer.reason, writer.detail)
        read = read_record(value, writer)
        if blanked:
            # There was an address; nothing but that is asked of it.
            read["email"] = BLANKED_EMAIL
        fields = topic.build(read)
        customer = check.customer_id(read["customer_id"], "customer_id")
        given_ms = read["occurred_at"]
        return Activity(
            topic.kind,
            check.merchant_id(read["merchant_id"]),
            customer,
            check.event_id(read["event_id"], "event_id"),
            check.occurred_ms(given_ms, timestamp_ms, now_ms),
            fields,
            check.content_hash(topic.kind, customer, fields, given_ms),
            traceparent_of(record.headers) if record.headers else None,
            check.trace_id(read["trace_id"]),
        )

    def _meet(self, topic: _Topic, value: bytes) -> Reading | Rejected:
        """The writer of a schema id seen for the first time on this topic."""
        if value[0] != 0:
            raise Rejected(Reason.MALFORMED, "value: first byte is not 0")
        if len(value) <= HEADER_BYTES:
            raise Rejected(Reason.MALFORMED, "value: a header without a body")
        schema = self._schemas(int.from_bytes(value[1:HEADER_BYTES], "big"))
        writer: Reading | Rejected
        try:
            writer = reading(schema, topic.reader)
        except Rejected as error:
            writer = error.with_traceback(None)
        if len(topic.writers) >= WRITERS_MAX:
            topic.writers.clear()
        topic.writers[value[:HEADER_BYTES]] = writer
        return writer

    def _origin(self, record: Record) -> Origin:
        """Where it was first seen. Raises Rejected(MALFORMED) when a replayed one does not say."""
        if record.topic in self._topics:
            return Origin(record.position, record.timestamp_ms, 0, None, address_blanked=False)
        origin = origin_of(record.headers)
        if origin.position.topic not in self._topics:
            raise Rejected(Reason.MALFORMED, "header dlq.origin.topic: one of the input topics")
        return origin

    def _read_again(self, record: Record, topic: _Topic) -> _Readable | None:
        """The fields of a record that was refused, where they can be read at all."""
        value = record.value
        if not value or len(value) > self._value_bytes_max:
            return None
        writer = topic.writers.get(value[:HEADER_BYTES])
        if not isinstance(writer, Reading):
            return None
        try:
            return _Readable(writer, read_record(value, writer))
        except Rejected:
            return None


def _without_address(record: Record, origin: Origin, readable: _Readable | None) -> _Kept:
    """What of a refused record may enter a table.

    An address must not. What cannot be read may hold one when it was meant for
    `customer.updated`, or when nobody knows what it was meant for.
    """
    value = record.value
    holds_address = origin.position.topic in {Kind.CUSTOMER_UPDATED, REPLAY_TOPIC}
    if value is None or not holds_address:
        return _Kept(value, by_reference=False, address_blanked=False)
    if readable is None:
        return _Kept(None, by_reference=True, address_blanked=origin.address_blanked)
    if readable.fields["email"] == "":
        return _Kept(value, by_reference=False, address_blanked=origin.address_blanked)
    blanked = without_text(value, readable.writer, "email")
    return _Kept(blanked, by_reference=False, address_blanked=True)


def _id(readable: _Readable | None, name: str) -> bytes | None:
    if readable is None:
        return None
    try:
        return check.uuid_bytes(readable.fields[name], name)
    except Rejected:
        return None
