"""Channels to other services. Small messages, quick to notice a dead peer and its return."""

from typing import Final

import grpc
import grpc.aio

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


def open_channel(
    address: str, credentials: grpc.ChannelCredentials | None = None
) -> grpc.aio.Channel:
    """A channel to `host:port` for the running event loop; in clear without credentials.

    It connects with the first call. Whoever opens it closes it.
    """
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=OPTIONS)
    return grpc.aio.secure_channel(address, credentials, options=OPTIONS)
