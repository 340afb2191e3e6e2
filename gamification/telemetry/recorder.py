"""Spans by OpenTelemetry's SDK. Imported only where they are recorded: see `traces`."""

from collections.abc import Iterable
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from gamification.settings import Settings
from gamification.telemetry.traces import Attributes, Kind

NAME: Final = "gamification"
EXPORT_WITHIN_S: Final = 5


class RecordedSpan:
    """See `traces.Span`."""

    def __init__(self, span: Span) -> None:
        context = span.get_span_context()
        self._span = span
        self.traceparent = (
            f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
        )

    def end(self, attributes: Attributes | None = None, *, error: str | None = None) -> None:
        if attributes:
            self._span.set_attributes(attributes)
        if error is not None:
            self._span.set_status(Status(StatusCode.ERROR, error))
        self._span.end()


class SdkRecorder:
    """See `traces.Recorder`. Exports in batches, from a thread; when that is slow, spans are lost.

    The SDK reads OTEL_* itself: sampler, sizes of queue and batch, whether it is switched off.
    """

    def __init__(self, exporter: SpanExporter, settings: Settings, process: str) -> None:
        about = {
            "service.name": settings.service_name,
            "service.version": settings.version,
            "gamification.process": process,
        }
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(NAME)

    def begin(  # noqa: PLR0913, PLR0917 - the protocol's
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        attributes: Attributes,
        links: Iterable[str],
        began_ns: int,
    ) -> RecordedSpan | None:
        context = Context()
        if parent is not None:
            context = set_span_in_context(NonRecordingSpan(_context_of(parent)), context)
        span = self._tracer.start_span(
            name,
            context,
            SpanKind[kind.value],
            attributes,
            [Link(_context_of(link)) for link in links],
            began_ns,
        )
        return RecordedSpan(span) if span.is_recording() else None

    def shutdown(self) -> None:
        self._provider.shutdown()


def over_otlp(settings: Settings, process: str) -> SdkRecorder:
    """To the endpoint of the settings, by gRPC."""
    exporter = OTLPSpanExporter(endpoint=settings.otlp_endpoint, timeout=EXPORT_WITHIN_S)
    return SdkRecorder(exporter, settings, process)


def _context_of(traceparent: str) -> SpanContext:
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
