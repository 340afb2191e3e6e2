"""The one way to call another service: it ends in time, and asks only as often as does good.

A call is tried again when the service was away or slow, with pauses of random length, so that
callers who failed together do not come back together. Everything is bounded: the time over all
tries, their number, calls at once, and calls that wait for their turn.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc.aio
from grpc import StatusCode

from gamification.adapters.services.channels import Metadata, Method
from gamification.adapters.services.circuit import CircuitBreaker, State
from gamification.domain.errors import Unavailable
from gamification.telemetry import logs, metrics, traces
from gamification.telemetry.traces import Kind
from gamification.wire.trace import SHAPE, TRACEPARENT

Request = TypeVar("Request")
Answer = TypeVar("Answer")

TRY_AGAIN: Final = frozenset({StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED})
UNWELL: Final = TRY_AGAIN | {
    StatusCode.ABORTED,
    StatusCode.CANCELLED,
    StatusCode.DATA_LOSS,
    StatusCode.INTERNAL,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.UNIMPLEMENTED,
    StatusCode.UNKNOWN,
}
"""What opens the circuit. With any other status the service is well, and it is about the call."""

log = logs.get("services")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of all calls of one service."""

    deadline_ms: int
    """For one call, over all tries and pauses and the wait for its turn."""
    tries_max: int = 3
    try_share_percent: int = 40
    """Of the deadline for one try at most, so that a hung one leaves time for another."""
    first_pause_ms: int = 20
    """Before the second try the pause is anything up to this, before the third up to twice it."""
    at_once_max: int = 64
    waiting_max: int = 2000


class Service:
    """One service that we call. For one event loop."""

    def __init__(
        self,
        name: str,
        bounds: Bounds,
        circuit: CircuitBreaker | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._bounds = bounds
        self._circuit = circuit or CircuitBreaker(on_change=self._tell)
        self._clock = clock
        self._jitter = jitter
        self._try_s = bounds.deadline_ms * bounds.try_share_percent / 100_000
        self._turns = asyncio.Semaphore(bounds.at_once_max)
        self._in_hand = 0
        metrics.CIRCUIT_STATE.labels(name).set(self._circuit.state)

    async def call(
        self,
        method: Method[Request, Answer],
        request: Request,
        *,
        says: frozenset[StatusCode] = frozenset(),
        idempotent: bool = True,
        traceparent: str | None = None,
    ) -> Answer | StatusCode:
        """The answer, or the status when it is one of `says`: those that are answers, too.

        Raises Unavailable with the service's name and the status. Nothing else of what the
        service said is kept: it may hold a token or an address.
        """
        span = None
        if traceparent is not None:
            span = traces.begin(f"call {self.name}", Kind.CLIENT, traceparent)
        metadata = _metadata(traceparent if span is None else span.traceparent)
        how_it_ended: str | None = "cancelled"
        try:
            answer = await self._call(method, request, metadata, says, idempotent=idempotent)
            how_it_ended = None
        except Unavailable:
            how_it_ended = "unavailable"
            raise
        finally:
            if span is not None:
                span.end(error=how_it_ended)
        return answer

    async def _call(
        self,
        method: Method[Request, Answer],
        request: Request,
        metadata: Metadata,
        says: frozenset[StatusCode],
        *,
        idempotent: bool,
    ) -> Answer | StatusCode:
        bounds = self._bounds
        ends = self._clock() + bounds.deadline_ms / 1000
        if self._in_hand >= bounds.at_once_max + bounds.waiting_max:
            raise self._unavailable("too many calls wait")
        self._in_hand += 1
        try:
            tries = 0
            while True:
                answer = await self._try(method, request, metadata, ends)
                if not isinstance(answer, StatusCode) or answer in says:
                    return answer
                tries += 1
                again = idempotent and answer in TRY_AGAIN and tries < bounds.tries_max
                pause_s = self._jitter() * bounds.first_pause_ms / 1000 * 2 ** (tries - 1)
                if not again or self._clock() + pause_s >= ends:
                    raise self._unavailable(answer.name)
                metrics.ERRORS.labels(Unavailable.__name__).inc()
                await asyncio.sleep(pause_s)
        finally:
            self._in_hand -= 1

    async def _try(
        self,
        method: Method[Request, Answer],
        request: Request,
        metadata: Metadata,
        ends: float,
    ) -> Answer | StatusCode:
        if self._circuit.is_shut_off():  # before it waits for its turn
            raise self._unavailable("not asked, its last calls failed")
        async with self._turn(ends):
            permit = self._circuit.admit()
            if permit is None:
                raise self._unavailable("not asked, its last calls failed")
            how_it_ended = self._circuit.abandoned
            left_s = max(0.0, ends - self._clock())
            try:
                answer = await _ask(method, request, metadata, min(left_s, self._try_s))
                # A try that had less than its share of the time says nothing by being late.
                if answer is not StatusCode.DEADLINE_EXCEEDED or left_s >= self._try_s:
                    unwell = isinstance(answer, StatusCode) and answer in UNWELL
                    how_it_ended = self._circuit.failed if unwell else self._circuit.succeeded
            finally:
                how_it_ended(permit)
        return answer

    @asynccontextmanager
    async def _turn(self, ends: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(max(0.0, ends - self._clock())):
                await self._turns.acquire()
        except TimeoutError:
            raise self._unavailable("too many calls at once") from None
        try:
            yield
        finally:
            self._turns.release()

    def _unavailable(self, why: str) -> Unavailable:
        metrics.ERRORS.labels(Unavailable.__name__).inc()
        return Unavailable(f"{self.name}: {why}")

    def _tell(self, state: State) -> None:
        metrics.CIRCUIT_STATE.labels(self.name).set(state)
        if state is not State.PROBING:
            log.warning("circuit_changed", called=self.name, state=state.name.lower())


async def _ask(
    method: Method[Request, Answer],
    request: Request,
    metadata: Metadata,
    timeout_s: float,
) -> Answer | StatusCode:
    """One try; nothing of grpc's own errors gets out, not even as the context of ours."""
    try:
        answer = await method(request, timeout=timeout_s, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        return error.code()
    except grpc.aio.UsageError:  # the channel was closed under it: we are stopping
        return StatusCode.UNAVAILABLE
    # What cannot be parsed is None here, whatever the types say: grpc only logs it.
    return StatusCode.INTERNAL if answer is None else answer


def _metadata(traceparent: str | None) -> Metadata:
    if traceparent is None or not SHAPE.fullmatch(traceparent.encode(errors="replace")):
        return ()
    return ((TRACEPARENT, traceparent),)
