"""The checks that fields of several topics share, and the hash of what an event says.

Every check either returns the value in the form in which the engine wants it or raises
Rejected with one line that names the field and what is allowed, and never holds the value.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final, cast

from gamification.domain.activity import Kind
from gamification.domain.errors import Reason, Rejected
from gamification.domain.ids import CustomerId, EventId, MerchantId

UUID_LENGTH: Final = 36
UUID_BYTES: Final = 16
ID_LENGTH_MAX: Final = 128
TRACE_ID_LENGTH_MAX: Final = 64
AMOUNT_MAX: Final = 10**12
"""Of amounts and prizes: a million of them still sum up to less than 2^63, whatever a rule does."""
OCCURRED_MS_MIN: Final = 946_684_800_000
"""2000-01-01T00:00:00Z."""
AHEAD_MS_MAX: Final = 24 * 3600 * 1000
TRACE_ID: Final = re.compile(r"[A-Za-z0-9._:-]+")
"""Whatever tracers make ids of; no address can be written with it."""
LOWER_SNAKE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
MERCHANTS_REMEMBERED: Final = 4096


def invalid(name: str, allowed: str) -> Rejected:
    return Rejected(Reason.INVALID_FIELD, f"{name}: {allowed}")


def uuid_bytes(text: str, name: str) -> bytes:
    """16 bytes of a UUID in 8-4-4-4-12 form; upper case is taken as lower case."""
    # fromhex skips white space, and replace takes any dash: either makes it fewer than 16 bytes.
    if len(text) == UUID_LENGTH and text[8:24:5] == "----":
        try:
            raw = bytes.fromhex(text.replace("-", ""))
        except ValueError:
            raw = b""
        if len(raw) == UUID_BYTES:
            return raw
    raise invalid(name, "a UUID (8-4-4-4-12 hexadecimal digits)")


# The same function by names that type checkers tell apart: a NewType's call costs, a cast does not.
event_id: Final = cast("Callable[[str, str], EventId]", uuid_bytes)
customer_id: Final = cast("Callable[[str, str], CustomerId]", uuid_bytes)


@lru_cache(maxsize=MERCHANTS_REMEMBERED)
def merchant_id(text: str) -> MerchantId:
    """Remembered, because few merchants send many events."""
    return MerchantId(uuid_bytes(text, "merchant_id"))


def trace_id(text: str | None) -> str | None:
    """None for a text that may be something else: it would be passed on to everybody.

    It is ignored and no reason to refuse the event, as a `traceparent` of another shape is.
    """
    if text is None:
        return None
    if len(text) > TRACE_ID_LENGTH_MAX or "\0" in text:
        raise invalid("trace_id", f"at most {TRACE_ID_LENGTH_MAX} characters, no NUL")
    return text if TRACE_ID.fullmatch(text) else None


def other_id(text: str, name: str) -> str:
    if not 1 <= len(text) <= ID_LENGTH_MAX or "\0" in text:
        raise invalid(name, f"1 to {ID_LENGTH_MAX} characters, no NUL")
    return text


def bounded_text(text: str, name: str, length_max: int) -> str:
    if len(text) > length_max or "\0" in text:
        raise invalid(name, f"at most {length_max} characters, no NUL")
    return text


def bounded(value: int, name: str, least: int, most: int) -> int:
    if not least <= value <= most:
        raise invalid(name, f"{least} to {most}")
    return value


def occurred_ms(given: int | None, record_ms: int, now_ms: int) -> int:
    """When it happened: what the event says, else the record's own timestamp."""
    ms = record_ms if given is None else given
    if OCCURRED_MS_MIN <= ms <= now_ms + AHEAD_MS_MAX:
        return ms
    said = "record's timestamp" if given is None else "occurred_at"
    if ms < OCCURRED_MS_MIN:
        raise invalid(said, "milliseconds since 1970, not before 2000-01-01")
    raise Rejected(Reason.FUTURE_TIMESTAMP, f"{said}: more than 24 h ahead of this worker's clock")


def content_hash(
    kind: Kind, customer: CustomerId, fields: Mapping[str, int | str], given_ms: int | None
) -> int:
    """Signed 64 bit over everything that the event says; two contents under one id differ here.

    No name or value holds a NUL, and names and values alternate, so that no two contents have
    one form. What is null is left out: a field added to a schema later leaves old hashes alone.
    """
    form = f"{kind}\0{customer.hex()}"
    for name, value in fields.items():
        form += f"\0{name}\0{value}"
    if given_ms is not None:
        form += f"\0occurred_at\0{given_ms}"
    return int.from_bytes(blake2b(form.encode(), digest_size=8).digest(), "big", signed=True)
