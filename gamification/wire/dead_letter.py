"""Dead letters as Kafka headers and as a row of the outbox, and back.

The origin (where the bytes were first seen) survives replays, so that a letter that fails
again is known for the same one.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from gamification.domain.errors import Reason, Rejected
from gamification.domain.ids import EventId, MerchantId, uuid_text
from gamification.wire import outbox_id
from gamification.wire.envelope import DeadLetter, Headers, OutboxRow, Position, Record
from gamification.wire.fact import fact_id
from gamification.wire.fields import uuid_bytes
from gamification.wire.trace import TRACEPARENT, traceparent_of

DLQ_TOPIC: Final = "gamification.dlq"
REPLAY_TOPIC: Final = "gamification.replay"

ORIGIN_TOPIC: Final = "dlq.origin.topic"
ORIGIN_PARTITION: Final = "dlq.origin.partition"
ORIGIN_OFFSET: Final = "dlq.origin.offset"
ORIGIN_TIMESTAMP: Final = "dlq.origin.timestamp"
"""Milliseconds since 1970, as the record had them."""
REASON: Final = "dlq.reason"
DETAIL: Final = "dlq.detail"
ATTEMPTS: Final = "dlq.attempts"
FIRST_FAILED_AT: Final = "dlq.first_failed_at"
"""UTC, as 2026-11-21T13:00:00.000Z."""
LETTER_ID: Final = "dlq.id"
BLANKED: Final = "dlq.blanked"
"""`email` when the address was taken out of the value; else absent."""
BLANKED_EMAIL: Final = "email"
EVENT_ID: Final = "event_id"
MERCHANT_ID: Final = "merchant_id"

INT32_MAX: Final = 2**31 - 1
INT64_MAX: Final = 2**63 - 1
DIGITS_MAX: Final = 20
TOPIC_LENGTH_MAX: Final = 249
DETAIL_LENGTH_MAX: Final = 300
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_9999_MS: Final = 253_402_300_799_999


class Origin(NamedTuple):
    """Where a record was first seen, and what became of it so far."""

    position: Position
    timestamp_ms: int
    attempts: int
    """Failed deliveries so far; 0 for what was copied from an input topic and never failed."""
    first_failed_ms: int | None
    address_blanked: bool


def letter_id(origin: Position, attempt: int) -> str:
    """UUIDv5 text of one failed delivery."""
    return fact_id(f"{DLQ_TOPIC}:{origin.topic}:{origin.partition}:{origin.offset}:{attempt}")


def outbox_row(letter: DeadLetter) -> OutboxRow:
    """The row that makes the relay publish this letter."""
    source = list(letter.source) if letter.by_reference else None
    text = json.dumps({"headers": _headers(letter), "source": source}, separators=(",", ":"))
    # With the value, the relay takes the key from the original: it may be an address, too.
    key = None if letter.by_reference else letter.key
    return OutboxRow(DLQ_TOPIC, 0, key, letter.value, letter.traceparent, text)


def replay_row(record: Record) -> OutboxRow:
    """The row that makes the relay send a record of `gamification.dlq` again.

    Headers as they are, bytes by reference. Raises nothing: what is no text becomes one.
    """
    headers = _texts(record.headers)
    headers.pop(outbox_id.HEADER, None)  # that of the letter's own row
    text = json.dumps({"headers": headers, "source": list(record.position)}, separators=(",", ":"))
    return OutboxRow(REPLAY_TOPIC, 0, None, None, traceparent_of(record.headers), text)


def copy_row(record: Record) -> OutboxRow:
    """The row that makes the relay send a record of an input topic again, by reference."""
    headers = {
        ORIGIN_TOPIC: record.topic,
        ORIGIN_PARTITION: str(record.partition),
        ORIGIN_OFFSET: str(record.offset),
        ORIGIN_TIMESTAMP: str(record.timestamp_ms),
    }
    traceparent = traceparent_of(record.headers)
    if traceparent is not None:
        headers[TRACEPARENT] = traceparent
    text = json.dumps({"headers": headers, "source": list(record.position)}, separators=(",", ":"))
    return OutboxRow(REPLAY_TOPIC, 0, None, None, traceparent, text)


def headers_of(letter_json: str) -> list[tuple[str, bytes]]:
    """Kafka headers from OutboxRow.letter."""
    headers: dict[str, str] = json.loads(letter_json)["headers"]
    return [(name, text.encode()) for name, text in headers.items()]


def source_of(letter_json: str) -> Position | None:
    """From OutboxRow.letter: where the value must be copied from; None when the row has it."""
    source: list[int] | None = json.loads(letter_json)["source"]
    return None if source is None else Position(*source)  # type: ignore[arg-type]


def _headers(letter: DeadLetter) -> dict[str, str]:
    headers = {
        ORIGIN_TOPIC: letter.origin.topic,
        ORIGIN_PARTITION: str(letter.origin.partition),
        ORIGIN_OFFSET: str(letter.origin.offset),
        ORIGIN_TIMESTAMP: str(letter.origin_timestamp_ms),
        REASON: str(letter.reason),
        DETAIL: one_line(letter.detail),
        ATTEMPTS: str(letter.attempts),
        FIRST_FAILED_AT: utc_text(letter.first_failed_ms),
        LETTER_ID: letter_id(letter.origin, letter.attempts),
    }
    if letter.address_blanked:
        headers[BLANKED] = BLANKED_EMAIL
    if letter.traceparent is not None:
        headers[TRACEPARENT] = letter.traceparent
    if letter.event_id is not None:
        headers[EVENT_ID] = uuid_text(letter.event_id)
    if letter.merchant_id is not None:
        headers[MERCHANT_ID] = uuid_text(letter.merchant_id)
    return headers


def one_line(detail: str) -> str:
    """As header and table hold it, whatever a caller wrote."""
    return "".join(c if c.isprintable() else " " for c in detail[:DETAIL_LENGTH_MAX])


def origin_of(headers: Headers) -> Origin:
    """Where a record that came back was first seen. Raises Rejected(MALFORMED)."""
    said = _texts(headers)
    return Origin(
        Position(
            _topic(said.get(ORIGIN_TOPIC, "")),
            _number(said, ORIGIN_PARTITION, INT32_MAX),
            _number(said, ORIGIN_OFFSET, INT64_MAX),
        ),
        _number(said, ORIGIN_TIMESTAMP, INT64_MAX),
        _number(said, ATTEMPTS, INT32_MAX - 1) if ATTEMPTS in said else 0,
        utc_ms(said[FIRST_FAILED_AT]) if FIRST_FAILED_AT in said else None,
        said.get(BLANKED) == BLANKED_EMAIL,
    )


def letter_that_came_back(record: Record) -> bytes | None:
    """16 bytes: the id of the letter that a record of REPLAY_TOPIC was; None when it was none."""
    if record.topic != REPLAY_TOPIC:
        return None
    try:
        origin = origin_of(record.headers)
    except Rejected:
        return None
    if not origin.attempts:
        return None
    return bytes.fromhex(letter_id(origin.position, origin.attempts).replace("-", ""))


def letter_of(record: Record) -> DeadLetter:
    """A record of `gamification.dlq` as the letter that it holds. Raises Rejected(MALFORMED)."""
    origin = origin_of(record.headers)
    said = _texts(record.headers)
    try:
        reason = Reason(said.get(REASON, ""))
    except ValueError as error:
        raise _malformed(REASON, "a reason that we know") from error
    event_id, merchant_id = said.get(EVENT_ID), said.get(MERCHANT_ID)
    return DeadLetter(
        origin=origin.position,
        origin_timestamp_ms=origin.timestamp_ms,
        source=record.position,
        key=record.key,
        value=record.value,
        by_reference=False,
        reason=reason,
        detail=said.get(DETAIL, ""),
        attempts=origin.attempts,
        first_failed_ms=origin.first_failed_ms or 0,
        traceparent=traceparent_of(record.headers),
        event_id=None if event_id is None else EventId(uuid_bytes(event_id, EVENT_ID)),
        merchant_id=None
        if merchant_id is None
        else MerchantId(uuid_bytes(merchant_id, MERCHANT_ID)),
        address_blanked=origin.address_blanked,
    )


def utc_text(ms: int) -> str:
    moment = EPOCH + timedelta(milliseconds=min(max(ms, 0), YEAR_9999_MS))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_ms(text: str) -> int:
    """Milliseconds since 1970 of what `utc_text` wrote. Raises Rejected(MALFORMED)."""
    try:
        ms = (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)
    except (ValueError, TypeError, OverflowError):
        ms = -1
    if ms < 0:
        raise _malformed(FIRST_FAILED_AT, "a time like 2026-11-21T13:00:00.000Z")
    return ms


def _texts(headers: Sequence[tuple[str, bytes]]) -> dict[str, str]:
    return {name: value.decode("utf-8", "replace") for name, value in headers if value is not None}


def _topic(text: str) -> str:
    if not 1 <= len(text) <= TOPIC_LENGTH_MAX or not text.isascii() or not text.isprintable():
        raise _malformed(ORIGIN_TOPIC, "a topic's name")
    return text


def _number(said: dict[str, str], name: str, most: int) -> int:
    text = said.get(name, "")
    # isdecimal alone takes other scripts' digits, int() also signs, spaces and underscores.
    if text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX and int(text) <= most:
        return int(text)
    raise _malformed(name, f"0 to {most}")


def _malformed(name: str, allowed: str) -> Rejected:
    return Rejected(Reason.MALFORMED, f"header {name}: {allowed}")
