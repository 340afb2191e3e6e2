"""Around every call: its duration and status counted, its errors as statuses, its trace."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import grpc
import grpc.aio
import structlog

from gamification.api.grpc.statuses import told
from gamification.domain.errors import Refused
from gamification.telemetry import logs, metrics, traces
from gamification.telemetry.traces import Kind, Span
from gamification.wire.trace import TRACEPARENT, trace_id_of, traceparent_of

Response = TypeVar("Response")
Context = grpc.aio.ServicerContext[Any, Any]

METHOD: Final = "grpc"
RPC: Final = {"rpc.system": "grpc"}
WITHIN_S: Final = 5.0
"""For callers who set no deadline: nobody waits longer for a badge."""

log = logs.get("grpc")


async def answer(
    endpoint: str,
    context: Context,
    client: str,
    work: Callable[[str | None], Awaitable[Response]],
) -> Response:
    """Run `work` and give its answer, or end the call with the status of its error.

    `client`: who calls, as log lines may name it; every line of this call does, with the trace.
    `work` gets the traceparent to pass on: of our span, else the caller's, if there is one.
    """
    parent = _traceparent(context)
    span = traces.begin(endpoint[1:], Kind.SERVER, parent, attributes=RPC)
    trace = parent if span is None else span.traceparent
    about = (
        {"client": client} if trace is None else {"client": client, "trace_id": trace_id_of(trace)}
    )
    with structlog.contextvars.bound_contextvars(**about):
        return await _answer(endpoint, context, span, lambda: work(trace))


async def _answer(
    endpoint: str, context: Context, span: Span | None, work: Callable[[], Awaitable[Response]]
) -> Response:
    began_s = time.perf_counter()
    status = grpc.StatusCode.OK
    try:
        return await work()
    except asyncio.CancelledError:
        status = grpc.StatusCode.CANCELLED  # the caller went away, or its time was over
        raise
    except Exception as error:
        ending = told(error)
        status = ending.code
        if ending.code is grpc.StatusCode.INTERNAL:
            metrics.ERRORS.labels("unexpected").inc()
            log.exception("call_crashed", endpoint=endpoint)
        elif not isinstance(error, Refused):
            metrics.ERRORS.labels(type(error).__name__).inc()
            log.warning("call_failed", endpoint=endpoint, reason=str(error))
        await context.abort(ending.code, ending.message, ending.trailers)
        raise AssertionError from error  # abort always raises
    finally:
        if span is not None:
            failed = None if status is grpc.StatusCode.OK else status.name
            span.end({"rpc.grpc.status_code": status.value[0]}, error=failed)
        metrics.REQUESTS.labels(endpoint, METHOD, status.name).inc()
        metrics.RESPONSE_SECONDS.labels(endpoint).observe(time.perf_counter() - began_s)


def header(context: Context, name: str) -> str | bytes | None:
    """The first value of this metadata key; None when there is none."""
    for key, value in context.invocation_metadata() or ():
        if key == name:
            return value
    return None


def _traceparent(context: Context) -> str | None:
    """The caller's trace; None when there is none, or none that can be read."""
    given = header(context, TRACEPARENT)
    if given is None:
        return None
    return traceparent_of(((TRACEPARENT, given if isinstance(given, bytes) else given.encode()),))


def left_s(context: Context) -> float:
    """Seconds until the caller gives up, and never more than WITHIN_S."""
    remaining = context.time_remaining()
    return WITHIN_S if remaining is None else max(0.0, min(WITHIN_S, remaining))
