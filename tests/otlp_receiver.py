"""A receiver of traces over OTLP/gRPC, with OpenTelemetry's own protocol classes."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, NamedTuple, Self

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as pb_grpc


class ToldSpan(NamedTuple):
    """Ids in hexadecimal."""

    process: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    """Trace ids."""
    failed: bool
    attributes: dict[str, Any]


class OtlpReceiver(pb_grpc.TraceServiceServicer):
    """`with OtlpReceiver() as receiver:` takes spans at `receiver.endpoint`."""

    def __init__(self) -> None:
        self._spans: list[ToldSpan] = []
        self.raw: list[bytes] = []
        self._lock = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(4))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.endpoint = f"http://127.0.0.1:{port}"
        pb_grpc.add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]

    @property
    def spans(self) -> Sequence[ToldSpan]:
        with self._lock:
            return tuple(self._spans)

    def of_trace(self, trace_id: str) -> dict[str, ToldSpan]:
        """Spans of one trace by `process: name`."""
        mine = (span for span in self.spans if span.trace_id == trace_id)
        return {f"{span.process}: {span.name}": span for span in mine}

    def Export(  # noqa: N802 - the protocol's name
        self, request: pb.ExportTraceServiceRequest, _context: grpc.ServicerContext
    ) -> pb.ExportTraceServiceResponse:
        with self._lock:
            self.raw.append(request.SerializeToString())
            for resource in request.resource_spans:
                about = {a.key: a.value.string_value for a in resource.resource.attributes}
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        self._spans.append(_told(about["gamification.process"], span))
        return pb.ExportTraceServiceResponse()

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop(0).wait(10)


def _told(process: str, span: Any) -> ToldSpan:
    return ToldSpan(
        process,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        tuple(link.trace_id.hex() for link in span.links),
        span.status.code == span.status.STATUS_CODE_ERROR,
        {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes},
    )
