"""The award worker's part of each trace: a span for each record that somebody wants to follow.

What an activity causes then stands below its span, in the same trace: the announcements carry the
span's context instead of the producer's.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gamification.application.award import Outcome
from gamification.domain.ids import uuid_text
from gamification.telemetry import traces
from gamification.telemetry.traces import Attributes, Kind, Span
from gamification.wire.envelope import Decoded

Place = tuple[str, int, int]


class RecordSpans:
    """Of the records of one poll, until they are committed or given up."""

    def __init__(self, batch: Sequence[Decoded]) -> None:
        """Begin them, and let their activities pass their contexts on."""
        self._open: dict[Place, Span] = {}
        self._whole = traces.begin(
            "award batch",
            Kind.CONSUMER,
            attributes={"messaging.system": "kafka", "messaging.batch.message_count": len(batch)},
            links=(_traceparent(decoded) for decoded in batch),
        )
        for decoded in batch:
            parent = _traceparent(decoded)
            if not traces.is_sampled(parent):
                continue
            about = _about(decoded)
            span = traces.begin(
                f"process {decoded.record.topic}", Kind.CONSUMER, parent, attributes=about
            )
            if span is not None:
                self._open[decoded.record.position] = span
                if decoded.activity is not None:
                    decoded.activity.traceparent = span.traceparent

    def committed(self, batch: Sequence[Decoded], outcome: Outcome) -> None:
        """What became of the records of one transaction."""
        counted = {id(activity) for activity in outcome.counted}
        reasons = {letter.source: str(letter.reason) for letter in outcome.letters}
        for decoded in batch if self._open else ():
            span = self._open.pop(decoded.record.position, None)
            if span is None:
                continue
            reason = reasons.get(decoded.record.position)
            if reason is not None:
                span.end({"gamification.outcome": "dead_lettered"}, error=reason)
            else:
                done = "counted" if id(decoded.activity) in counted else "duplicate"
                span.end({"gamification.outcome": done})

    def end(self) -> None:
        """Those that are left were not committed; they are read again."""
        for span in self._open.values():
            span.end(error="not committed")
        if self._whole is not None:
            self._whole.end(error="not committed" if self._open else None)
        self._open.clear()


@contextmanager
def record_spans(batch: Sequence[Decoded]) -> Iterator[RecordSpans | None]:
    """Around the handling of `batch`. None when nobody records."""
    if not traces.is_on():
        yield None
        return
    spans = RecordSpans(batch)
    try:
        yield spans
    finally:
        spans.end()


def _traceparent(decoded: Decoded) -> str | None:
    if decoded.activity is not None:
        return decoded.activity.traceparent
    return None if decoded.letter is None else decoded.letter.traceparent


def _about(decoded: Decoded) -> Attributes:
    record, activity = decoded.record, decoded.activity
    about: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": record.topic,
        "messaging.destination.partition.id": str(record.partition),
        "messaging.kafka.offset": record.offset,
    }
    if activity is not None:
        about["messaging.message.id"] = uuid_text(activity.event_id)
        about["gamification.merchant_id"] = uuid_text(activity.merchant_id)
    return about
