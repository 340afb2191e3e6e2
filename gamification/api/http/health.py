"""/health, /ready and /metrics of one process, served from a thread of their own."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Final

import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gamification.api.http.vitals import Vitals

CONNECTIONS_MAX: Final = 64
BACKLOG: Final = 64
STOP_WITHIN_S: Final = 1.0


class PortTaken(Exception):
    """The address cannot be listened on. The message is one line for an operator."""


class HealthServer:
    """Listens from the moment it is made; answers from `start` on."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        """Port 0 takes a free one, see `port`. Raises PortTaken."""
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                http="h11",
                loop="asyncio",
                limit_concurrency=CONNECTIONS_MAX,
                timeout_graceful_shutdown=int(STOP_WITHIN_S),
                server_header=False,
            )
        )
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop answering. Waits a bounded time."""
        self._server.should_exit = True
        self._thread.join(timeout=2 * STOP_WITHIN_S)
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def application(vitals: Vitals, registry: CollectorRegistry) -> Starlette:
    """The three routes over one process's vitals and metrics."""

    async def health(_: Request) -> Response:
        return _answer(vitals.liveness())

    async def ready(_: Request) -> Response:
        return _answer(await asyncio.to_thread(vitals.readiness))

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    routes: dict[str, Callable[[Request], object]] = {
        "/health": health,
        "/health/": health,
        "/ready": ready,
        "/ready/": ready,
        "/metrics": metrics,
    }
    return Starlette(routes=[Route(path, endpoint) for path, endpoint in routes.items()])


def _answer(problems: dict[str, str | None]) -> JSONResponse:
    failing = any(problems.values())
    return JSONResponse(
        {
            "status": "failing" if failing else "ok",
            "checks": {name: problem or "ok" for name, problem in problems.items()},
        },
        status_code=503 if failing else 200,
        headers={"cache-control": "no-store"},
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise PortTaken(
            f"cannot listen on {host} port {port} ({error.strerror}); "
            "set GAMIFICATION_HTTP_HOST and GAMIFICATION_HTTP_PORT (0 takes a free port)"
        ) from None
    return listener
