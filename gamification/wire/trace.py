"""W3C trace context, as Kafka headers carry it."""

import re
from typing import Final

from gamification.wire.envelope import Headers

TRACEPARENT: Final = "traceparent"

SHAPE: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


def traceparent_of(headers: Headers) -> str | None:
    """The last valid `traceparent`; one of another shape is ignored, not an error."""
    found = None
    for name, value in headers:
        # A header's value may be null, whatever its type says.
        if name == TRACEPARENT and value and SHAPE.fullmatch(value):
            found = value.decode()
    return found


def trace_id_of(traceparent: str) -> str:
    """32 hexadecimal digits: by these a trace is found."""
    return traceparent.split("-")[1]
