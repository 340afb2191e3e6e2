"""Spans, where an OTLP endpoint is set; nothing at all, not even an import, where none is.

A context travels as the text of its W3C `traceparent`: that is how Kafka's headers, gRPC's
metadata and the outbox carry it, so it is what callers here pass and get. Who begins a trace
decides whether it is recorded (OTEL_TRACES_SAMPLER for those that begin here); one that is not
costs nothing here. Spans hold ids, never what somebody sent.
"""

import re
import threading
import time
from collections.abc import Iterable, Mapping
from enum import Enum
from itertools import islice
from typing import Final, Protocol, TypeAlias

from gamification.telemetry import logs

SHUT_DOWN_WITHIN_S: Final = 2.0
"""For the last spans; a receiver that is away must not hold up a stop."""
LINKS_MAX: Final = 128
"""To the traces of a batch's records; OpenTelemetry's own limit for a span."""
SAMPLED: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][13579bdf]")
"""A traceparent whose beginning wants to be recorded."""

Attributes: TypeAlias = Mapping[str, str | int]

log = logs.get("traces")


class Kind(Enum):
    """What a span's work is to the others of its trace; names as in OpenTelemetry."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    CONSUMER = "CONSUMER"
    PRODUCER = "PRODUCER"


class Span(Protocol):
    """One piece of work under way. `end` it once; what is never ended is never told."""

    @property
    def traceparent(self) -> str:
        """To pass on."""
        ...

    def end(self, attributes: Attributes | None = None, *, error: str | None = None) -> None:
        """`error`: why it failed, in a word; nothing of what somebody sent."""
        ...


class Recorder(Protocol):
    """What keeps spans and tells them to somebody."""

    def begin(  # noqa: PLR0913, PLR0917 - all that a span can have
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        attributes: Attributes,
        links: Iterable[str],
        began_ns: int,
    ) -> Span | None: ...

    def shutdown(self) -> None: ...


class _Now:
    """Of this process. None where nobody listens."""

    recorder: Recorder | None = None


def is_on() -> bool:
    """Whether spans go anywhere. Ask once for many records."""
    return _Now.recorder is not None


def is_sampled(traceparent: str | None) -> bool:
    return traceparent is not None and SAMPLED.fullmatch(traceparent) is not None


def begin(  # noqa: PLR0913 - all that a span can have
    name: str,
    kind: Kind,
    parent: str | None = None,
    *,
    attributes: Attributes | None = None,
    links: Iterable[str | None] = (),
    began_ns: int | None = None,
) -> Span | None:
    """A span under `parent` (a traceparent), or of a trace of its own without one.

    None when it is not to be recorded. `links`: traceparents of other traces, of which those that
    are sampled count, LINKS_MAX at most. `began_ns`: since 1970; now, when left out.
    """
    recorder = _Now.recorder
    if recorder is None or (parent is not None and not is_sampled(parent)):
        return None
    sampled = islice((link for link in links if link is not None and is_sampled(link)), LINKS_MAX)
    at_ns = time.time_ns() if began_ns is None else began_ns
    return recorder.begin(name, kind, parent, attributes or {}, sampled, at_ns)


def start(recorder: Recorder) -> None:
    """Record to `recorder` from now on."""
    _Now.recorder = recorder


def stop() -> None:
    """Tell the last spans, within SHUT_DOWN_WITHIN_S, and record no more."""
    recorder, _Now.recorder = _Now.recorder, None
    if recorder is None:
        return
    ending = threading.Thread(target=recorder.shutdown, name="traces", daemon=True)
    ending.start()
    ending.join(SHUT_DOWN_WITHIN_S)
    if ending.is_alive():
        log.warning("traces_lost", reason="the receiver did not take the last ones in time")
