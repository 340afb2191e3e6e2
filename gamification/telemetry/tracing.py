"""W3C trace context: read from a record's headers and passed on, at no cost when there is none."""

import re
from typing import Final, NamedTuple

HEADER: Final = "traceparent"
LENGTH_MAX: Final = 128
"""Longer headers are nobody's trace context: they are left aside unread."""

_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_VERSION: Final = "00"


class TraceContext(NamedTuple):
    """Which trace a record belongs to, and the span that sent it. Lower-case hexadecimal."""

    trace_id: str
    span_id: str
    sampled: bool


def parse(header: str | bytes | None) -> TraceContext | None:
    """The trace context that a `traceparent` header carries; None when it is missing or wrong."""
    if header is None or len(header) > LENGTH_MAX:
        return None
    text = header.decode("ascii", "replace") if isinstance(header, bytes) else header
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == _VERSION and more) or not trace_id.strip("0"):
        return None
    if not span_id.strip("0"):
        return None
    return TraceContext(trace_id, span_id, sampled=bool(int(flags, 16) & 1))


def format_header(context: TraceContext) -> str:
    """The header that passes `context` on."""
    return f"{_VERSION}-{context.trace_id}-{context.span_id}-{int(context.sampled):02x}"


def trace_id(header: str | bytes | None) -> str | None:
    """What a log line names as `trace_id`."""
    context = parse(header)
    return context.trace_id if context else None
