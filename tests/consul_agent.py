"""What stands for the agent of Consul: a real HTTP server with the three requests that we make."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from deploy.devstack.ports import Ports
from tests.waiting import eventually

REGISTER: Final = "/v1/agent/service/register"
DEREGISTER: Final = "/v1/agent/service/deregister/"
SERVICE: Final = "/v1/agent/service/"
DELAY_S: Final = 0.8
"""Shorter than those who ask wait."""


class ConsulAgent:
    """Its list is `services`, by id. Told to, it fails, hangs, or is away."""

    def __init__(self) -> None:
        self.services: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        """Method and path of all so far."""
        self.tokens: set[str | None] = set()
        self.status: int | None = None
        """Answered to everything."""
        self.hangs = False
        self.talks_without_end = False
        self.delays_deregistering = False
        """As long as it is so, but not for ever."""
        self.is_asked_to_deregister = False
        self._ports = Ports()
        self._port = self._ports.take()
        self.address = f"127.0.0.1:{self._port}"
        self._released = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def entry(self) -> dict[str, Any] | None:
        """The only one on the list; None when there is none."""
        [*entries] = self.services.values()
        assert len(entries) <= 1, entries
        return entries[0] if entries else None

    def start(self) -> None:
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                agent._answer(self)

            def do_GET(self) -> None:
                agent._answer(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Not to standard error."""

        self._released.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Nobody listens any more; who hangs is let go."""
        self._released.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    def close(self) -> None:
        self.stop()
        self._ports.release()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path, _, query = request.path.partition("?")
        self.requests.append((request.command, path))
        self.tokens.add(request.headers.get("x-consul-token"))
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        if self.hangs:
            self._released.wait(60)
            return
        if self.talks_without_end:
            self._talk(request)
            return
        status = self.status or self._do(request.command, path, query, body)
        request.send_response(status)
        request.send_header("content-length", "2")
        request.end_headers()
        request.wfile.write(b"{}")

    def _do(self, method: str, path: str, query: str, body: bytes) -> int:
        if (method, path) == ("PUT", REGISTER):
            entry = json.loads(body)
            assert query == "replace-existing-checks=true"
            self.services[entry["ID"]] = entry
            return 200
        if method == "PUT" and path.startswith(DEREGISTER):
            self.is_asked_to_deregister = True
            with suppress(AssertionError):
                eventually(lambda: not self.delays_deregistering, DELAY_S)
            return 200 if self.services.pop(path.removeprefix(DEREGISTER), None) else 404
        if method == "GET" and path.startswith(SERVICE):
            return 200 if path.removeprefix(SERVICE) in self.services else 404
        return 405

    def _talk(self, request: BaseHTTPRequestHandler) -> None:
        """Headers that go on and on: each step is quick, the whole never ends."""
        try:
            request.wfile.write(b"HTTP/1.1 200 OK\r\n")
            number = 0
            while not self._released.wait(0.1):
                number += 1
                request.wfile.write(f"x-{number}: more\r\n".encode())
        except OSError:
            return


@contextmanager
def consul_agent() -> Iterator[ConsulAgent]:
    """One that answers."""
    agent = ConsulAgent()
    agent.start()
    try:
        yield agent
    finally:
        agent.close()
