"""The gRPC server: limits, handlers, and a stop that loses nothing."""

from typing import Any, Final

import grpc
import grpc.aio

from gamification.api.grpc.handlers import all_handlers
from gamification.api.grpc.health import HealthServicer
from gamification.api.grpc.service import SERVICE, GamificationServicer
from gamification.domain.errors import Halt

REQUEST_BYTES_MAX: Final = 64 * 1024
"""A token takes 8 KiB at most, everything else a hundred bytes."""
METADATA_BYTES_MAX: Final = 16 * 1024
STREAMS_MAX: Final = 1_000
"""Of one connection at a time; more of its calls wait at the caller."""
CONNECTIONS_MAX: Final = 2_000
CALLS_MAX: Final = 10_000

OPTIONS: Final[list[tuple[str, Any]]] = [
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.max_send_message_length", REQUEST_BYTES_MAX),
    ("grpc.max_metadata_size", METADATA_BYTES_MAX),
    ("grpc.max_concurrent_streams", STREAMS_MAX),
    ("grpc.so_reuseport", 0),
    # Whoever connects and says nothing, in clear or in the middle of TLS, is not waited for. The
    # library's two minutes are long enough to fill all places.
    ("grpc.server_handshake_timeout_ms", 10_000),
    # A caller that is gone without a word is noticed, also when it has no call under way. It is the
    # third that hangs up; one that pings too often is sent away.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 3),
    ("grpc.max_connection_idle_ms", 300_000),
    # Callers find new instances behind a load balancer.
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
]


class GrpcServer:
    """Listens when it is made, answers from `start` on. For one event loop."""

    def __init__(
        self,
        servicer: GamificationServicer,
        address: str,
        credentials: grpc.ServerCredentials | None = None,
        *,
        calls_max: int = CALLS_MAX,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        """`address` is host:port; port 0 takes a free one, see `port`. Raises Halt when taken.

        One call more than `calls_max` is RESOURCE_EXHAUSTED, one connection more than
        `connections_max` is closed at once: its calls are UNAVAILABLE.
        """
        self._server = grpc.aio.server(
            options=[
                *OPTIONS,
                ("grpc.max_allowed_incoming_connections", connections_max),
                # Of calls that came while the event loop was busy the library would end some, by
                # chance and as CANCELLED, from 1,000 on: a burst of strangers would hit a good one.
                ("grpc.server.max_pending_requests", calls_max),
                ("grpc.server.max_pending_requests_hard_limit", calls_max),
            ],
            maximum_concurrent_rpcs=calls_max,
        )
        self._health = HealthServicer(SERVICE)
        self._server.add_generic_rpc_handlers(all_handlers(servicer, self._health))
        try:
            if credentials is None:
                self.port = self._server.add_insecure_port(address)
            else:
                self.port = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise Halt(
                f"cannot listen on {address}: set GAMIFICATION_GRPC_HOST and "
                "GAMIFICATION_GRPC_PORT (0 takes a free port)"
            ) from error

    async def start(self) -> None:
        await self._server.start()
        self._health.tell(serving=True)

    async def stop(self, grace_s: float) -> None:
        """Take no new call, let those in hand finish for so long, then end them.

        Those who watch our health hear of it first.
        """
        self._health.end()
        await self._server.stop(grace_s)
