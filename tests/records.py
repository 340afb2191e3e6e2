"""Builders of records as upstream services publish them, and a decoder that knows our schemas."""

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

from fastavro import parse_schema, schemaless_writer

from gamification.adapters.kafka import schema_files
from gamification.domain.activity import Activity, Kind
from gamification.domain.errors import Reason, Rejected
from gamification.wire.decode import Decoder
from gamification.wire.envelope import DeadLetter, Headers, Record

NOW_MS: Final = 1_795_000_000_000
HOUR_MS: Final = 3_600_000
EVENT: Final = "0190f3c2-7b1a-7c3d-8e4f-0123456789ab"
CUSTOMER: Final = "6f0c1d2e-3a4b-4c5d-8e6f-a1b2c3d4e5f6"
MERCHANT: Final = "11111111-2222-4333-8444-555566667777"
TRACEPARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

SCHEMAS: Final = schema_files.current()
IDS: Final = {kind: number for number, kind in enumerate(Kind, start=1)}
"""Of our own schemas in the registry that `decoder` asks."""

OWN: Final[Mapping[Kind, Mapping[str, object]]] = {
    Kind.POINTS_EARNED: {"points": 150},
    Kind.LESSON_COMPLETED: {"lesson_id": "lesson-17", "course_id": "course-3", "score": 88},
    Kind.TOURNAMENT_RESULT: {
        "tournament_id": "cup-2026",
        "match_id": "final",
        "outcome": "WIN",
        "placement": 1,
        "prize_coins": 500,
        "duration_s": 333,
    },
    Kind.CUSTOMER_UPDATED: {
        "email": "ada@example.org",
        "language": "pt-BR",
        "timezone": "America/Sao_Paulo",
    },
    Kind.ACTIVITY_RECORDED: {
        "activity_type": "daily_login",
        "amount": 5,
        "attributes": {"channel": "web", "device": "phone"},
    },
}


def datum(kind: Kind, **changes: object) -> dict[str, object]:
    """A good record's fields; `changes` replace or add some."""
    return {
        "event_id": EVENT,
        "customer_id": CUSTOMER,
        "merchant_id": MERCHANT,
        "occurred_at": NOW_MS - HOUR_MS,
        "trace_id": None,
        **OWN[kind],
        **changes,
    }


def body(schema: str, fields: Mapping[str, object]) -> bytes:
    out = BytesIO()
    schemaless_writer(out, parse_schema(json.loads(schema)), fields)
    return out.getvalue()


def framed(schema_id: int, avro: bytes) -> bytes:
    return b"\0" + schema_id.to_bytes(4) + avro


def value(kind: Kind, **changes: object) -> bytes:
    """A good record's bytes, but for the changes."""
    return framed(IDS[kind], body(SCHEMAS[kind], datum(kind, **changes)))


def record(
    topic: str,
    content: bytes | None,
    headers: Headers = (),
    timestamp_ms: int = NOW_MS,
    offset: int = 42,
) -> Record:
    return Record(topic, 3, offset, timestamp_ms, CUSTOMER.encode(), content, headers)


def decoder(
    others: Mapping[int, str] | None = None,
    asked: Callable[[int], None] = lambda _schema_id: None,
    now_ms: Callable[[], int] = lambda: NOW_MS,
    **settings: Any,
) -> Decoder:
    """A decoder whose registry has our schemas and `others` by id, and calls `asked` for each."""
    texts = {IDS[kind]: SCHEMAS[kind] for kind in Kind} | dict(others or {})

    def schemas(schema_id: int) -> str:
        asked(schema_id)
        if schema_id not in texts:
            raise Rejected(Reason.UNKNOWN_SCHEMA, "schema id: none by that number")
        return texts[schema_id]

    return Decoder(schemas, readers=SCHEMAS, now_ms=now_ms, **settings)


def accepted(which: Decoder, one: Record) -> Activity:
    decoded = which.decode(one)
    assert decoded.letter is None, decoded.letter
    assert decoded.activity is not None
    return decoded.activity


def refused(which: Decoder, one: Record) -> DeadLetter:
    decoded = which.decode(one)
    assert decoded.activity is None, decoded.activity
    assert decoded.letter is not None
    return decoded.letter
