"""Audit entries as records of topic `audit_log`, under the ids that their rows have too."""

from collections.abc import Sequence
from typing import Final

import orjson

from gamification.domain.audit import Entry
from gamification.domain.ids import uuid_text
from gamification.wire import encode
from gamification.wire.envelope import OutboxRow
from gamification.wire.fact import fact_id

TOPIC: Final = "audit_log"


def audit_id(entry: Entry) -> bytes:
    """16 bytes: the id of the entry's row and the event_id of its record."""
    merchant = uuid_text(entry.merchant_id)
    name = encode.audit_fact(merchant, entry.action, entry.subject, entry.cause)
    return bytes.fromhex(fact_id(name).replace("-", ""))


def announced(entries: Sequence[Entry], created_at_ms: int) -> list[OutboxRow]:
    """One record for each entry, in their order, for `outbox.append`.

    `created_at_ms`: milliseconds since 1970. Raises ValueError or TypeError when details are not
    a JSON object.
    """
    return [_row(entry, created_at_ms) for entry in entries]


def _row(entry: Entry, created_at_ms: int) -> OutboxRow:
    merchant = uuid_text(entry.merchant_id)
    said = encode.AuditEntry(
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        outcome=entry.outcome,
        cause=entry.cause,
        details=_texts(entry.details),
    )
    body = encode.audit_log(encode.Stamp(merchant, "", created_at_ms, entry.trace_id), said)
    version = encode.SCHEMA_VERSION
    return OutboxRow(TOPIC, version, merchant.encode(), body, entry.traceparent, None)


def _texts(details: str) -> dict[str, str]:
    """The topic has texts only: other values become JSON."""
    if details == "{}":
        return {}
    fields = orjson.loads(details)
    if not isinstance(fields, dict):
        raise TypeError("details: a JSON object")
    return {
        key: value if isinstance(value, str) else orjson.dumps(value).decode()
        for key, value in fields.items()
    }
