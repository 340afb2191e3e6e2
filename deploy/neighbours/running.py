"""A neighbour inside a test: in a thread of its own, at one address for all its starts."""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Generic, Protocol, Self, TypeVar

import grpc
import grpc.aio

from deploy.devstack.errors import NotReady
from deploy.devstack.ports import Ports
from deploy.neighbours.behaviour import Behaviour

WITHIN_S: Final = 10.0
OPTIONS: Final = (("grpc.so_reuseport", 0),)
"""A taken port is an error, not shared with whoever has it."""


class Neighbour(Protocol):
    behaviour: Behaviour

    def handler(self) -> grpc.GenericRpcHandler: ...


Kind = TypeVar("Kind", bound=Neighbour)


async def serve(
    neighbour: Neighbour, address: str, credentials: grpc.ServerCredentials | None = None
) -> grpc.aio.Server:
    """A started server. Raises NotReady when the address is taken."""
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((neighbour.handler(),))
    try:
        if credentials is None:
            server.add_insecure_port(address)
        else:
            server.add_secure_port(address, credentials)
        await server.start()
    except RuntimeError as error:
        raise NotReady(f"cannot listen on {address}") from error
    return server


class Running(Generic[Kind]):
    """`with Running(Auth()) as auth:` has it at `auth.address`; `auth.behaviour` is to be told."""

    def __init__(
        self,
        neighbour: Kind,
        *,
        credentials: Callable[[], grpc.ServerCredentials] | None = None,
    ) -> None:
        """`credentials` makes some for each start: they cannot be used twice."""
        self.neighbour = neighbour
        self._credentials = credentials
        self._ports = Ports()
        self.address = f"127.0.0.1:{self._ports.take()}"
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._failure: NotReady | None = None

    @property
    def behaviour(self) -> Behaviour:
        return self.neighbour.behaviour

    def start(self) -> None:
        """Return when it answers; nothing when it runs already. Raises NotReady."""
        if self._thread is not None:
            return
        ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._main, args=(ready,), daemon=True)
        self._thread.start()
        if not ready.wait(WITHIN_S):
            raise NotReady(f"{self.address} does not answer")
        self._raise_failure()

    def stop(self) -> None:
        """Hang up on everybody at once, as a killed one would."""
        if self._thread is None:
            return
        if self._loop is not None and self._over is not None:
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(WITHIN_S)
        self._thread = None

    def close(self) -> None:
        self.stop()
        self._ports.release()

    def __enter__(self) -> Self:
        try:
            self.start()
        except NotReady:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            self._thread = None
            raise self._failure

    def _main(self, ready: threading.Event) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        try:
            credentials = None if self._credentials is None else self._credentials()
            server = await serve(self.neighbour, self.address, credentials)
        except NotReady as failure:
            self._failure = failure
            return
        finally:
            ready.set()
        await self._over.wait()
        await server.stop(None)
