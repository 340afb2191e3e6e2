"""The standard health service, such that nobody who watches can hold up others or a stop.

The library's own one writes to each watcher while it holds the lock that telling needs: one who
opens no window for the answer would keep it for ever.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import grpc
from grpc_health.v1 import health_pb2 as pb
from grpc_health.v1 import health_pb2_grpc as pb_grpc

from gamification.api.grpc.calls import Context
from gamification.api.grpc.requests import UNREADABLE

NAME: Final = pb.DESCRIPTOR.services_by_name["Health"].full_name
WATCHERS_MAX: Final = 500
"""Each keeps a call open for as long as it likes."""


class HealthServicer(pb_grpc.HealthServicer):
    """For one event loop. `tell` and `end` never wait for anybody."""

    def __init__(self, *services: str) -> None:
        """Says NOT_SERVING of these, and of "", which is all together, until told otherwise."""
        self._names = frozenset(("", *services))
        self._serving = False
        self._ended = False
        self._watchers = 0
        self._news = asyncio.Event()
        """Set once, with the next change; then there is a new one."""

    def tell(self, *, serving: bool) -> None:
        self._serving = serving and not self._ended
        self._news.set()
        self._news = asyncio.Event()

    def end(self) -> None:
        """NOT_SERVING from now on; those who watch hear it, and their calls end."""
        self._ended = True
        self.tell(serving=False)

    async def Check(  # noqa: N802 - the proto's name
        self, request: pb.HealthCheckRequest | None, context: Context
    ) -> pb.HealthCheckResponse:
        if request is None:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, UNREADABLE)
        if request.service not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND, "service: not one of ours")
        return pb.HealthCheckResponse(status=self._status(request.service))

    async def Watch(  # noqa: N802 - the proto's name
        self, request: pb.HealthCheckRequest | None, context: Context
    ) -> AsyncIterator[pb.HealthCheckResponse]:
        if request is None:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, UNREADABLE)
        if self._watchers >= WATCHERS_MAX:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watch")
        self._watchers += 1
        try:
            said: int | None = None
            while True:
                news, ended = self._news, self._ended
                status = self._status(request.service)
                if status != said:
                    said = status
                    yield pb.HealthCheckResponse(status=status)
                if ended:
                    return
                await news.wait()
        finally:
            self._watchers -= 1

    def _status(self, service: str) -> int:
        if service not in self._names:
            return pb.HealthCheckResponse.SERVICE_UNKNOWN
        if self._serving:
            return pb.HealthCheckResponse.SERVING
        return pb.HealthCheckResponse.NOT_SERVING
