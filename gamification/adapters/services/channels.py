"""Channels to other services. Small messages, quick to notice a dead peer and its return."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeAlias, TypeVar

import grpc
import grpc.aio

from gamification.adapters.tls import TlsFiles, TlsPair
from gamification.telemetry import logs

MESSAGE_BYTES_MAX: Final = 64 * 1024
"""Of what we ask and are answered. A token has at most 8 KiB, the rest are names."""

OPTIONS: Final = (
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    # Only while a call is under way: servers by default hang up on idle clients that ping.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 0),
    # Unless told, a client looks for a server that came back only every two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # All addresses of a name, not only the first one, and not for ever those of the start.
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    # Our own retries are bounded and know the circuit; twice would be too often.
    ("grpc.enable_retries", 0),
    # Inside one network: a proxy of the environment is for the world outside.
    ("grpc.enable_http_proxy", 0),
)


LOOK_EVERY_S: Final = 1.0
"""At most so often the certificate's files are looked at."""
GRACE_S: Final = 30.0
"""For calls in hand on a channel that is given up: as long as any call may take by its settings."""
GIVEN_UP_MAX: Final = 3
"""Such channels at a time. Until one is gone, still newer certificates wait."""

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Request_contra = TypeVar("Request_contra", contravariant=True)
Answer_co = TypeVar("Answer_co", covariant=True)
Metadata: TypeAlias = tuple[tuple[str, str], ...]

log = logs.get("services")


class Method(Protocol[Request_contra, Answer_co]):
    """One method of a service, on whatever channel there is at the time of the call."""

    def __call__(
        self, request: Request_contra, *, timeout: float, metadata: Metadata
    ) -> Awaitable[Answer_co]: ...


class Link:
    """To one service. When our certificate or its CA is renewed, the next call has a new channel.

    Calls in hand end on the old one. It connects with the first call. For one event loop.
    """

    def __init__(
        self,
        address: str,
        tls: TlsFiles | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`address` is host:port; in clear without `tls`. Whoever makes it closes it."""
        self._address = address
        self._tls = tls
        self._clock = clock
        self._pair = None if tls is None else tls.newest()
        self._look_at = clock() + LOOK_EVERY_S
        self._channel = _open(address, self._pair)
        self._given_up: set[asyncio.Task[None]] = set()

    def method(
        self,
        path: str,
        request_serializer: Callable[[Request], bytes],
        response_deserializer: Callable[[bytes], Answer],
    ) -> Method[Request, Answer]:
        """`path` is /package.Service/Method."""
        made_of: grpc.aio.Channel | None = None
        made: grpc.aio.UnaryUnaryMultiCallable[Request, Answer]

        def call(request: Request, *, timeout: float, metadata: Metadata) -> Awaitable[Answer]:
            nonlocal made_of, made
            channel = self._newest()
            if channel is not made_of:
                made_of = channel
                made = channel.unary_unary(
                    path,
                    request_serializer=request_serializer,
                    response_deserializer=response_deserializer,
                )
            return made(request, timeout=timeout, metadata=metadata)

        return call

    async def close(self) -> None:
        """Calls in hand end now."""
        for task in self._given_up:
            task.cancel()
        await asyncio.gather(*self._given_up, return_exceptions=True)
        await self._channel.close()

    def _newest(self) -> grpc.aio.Channel:
        if self._tls is None or self._clock() < self._look_at:
            return self._channel
        self._look_at = self._clock() + LOOK_EVERY_S
        if len(self._given_up) < GIVEN_UP_MAX and (pair := self._tls.newest()) != self._pair:
            self._give_up(self._channel)
            self._pair, self._channel = pair, _open(self._address, pair)
            log.info("channel_renewed", called=self._address)
        return self._channel

    def _give_up(self, channel: grpc.aio.Channel) -> None:
        task = asyncio.get_running_loop().create_task(_ended(channel))
        self._given_up.add(task)
        task.add_done_callback(self._given_up.discard)


async def _ended(channel: grpc.aio.Channel) -> None:
    """Not by the library's own grace: a close that is cancelled meanwhile cannot be repeated."""
    try:
        await asyncio.sleep(GRACE_S)
    finally:
        await channel.close()


def _open(address: str, pair: TlsPair | None) -> grpc.aio.Channel:
    if pair is None:
        return grpc.aio.insecure_channel(address, options=OPTIONS)
    credentials = grpc.ssl_channel_credentials(pair.ca, pair.key, pair.certificate)
    return grpc.aio.secure_channel(address, credentials, options=OPTIONS)
