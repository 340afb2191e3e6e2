"""What Consul is told of the service, from its settings."""

import uuid
from typing import Final

from gamification.adapters.consul.agent import Agent, Instance
from gamification.adapters.consul.registration import Registration
from gamification.settings import Settings

ALL_ADDRESSES: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to
THIS_MACHINE: Final = "127.0.0.1"


def registration(settings: Settings, grpc_port: int, http_port: int) -> Registration | None:
    """Of a service that answers on these ports; None where Consul is not used."""
    if not settings.consul_address:
        return None
    agent = Agent(settings.consul_address, settings.consul_token.get_secret_value())
    return Registration(agent, instance(settings, grpc_port, http_port))


def instance(settings: Settings, grpc_port: int, http_port: int) -> Instance:
    """With an id of its own: two processes never share an entry."""
    reached_at = settings.service_address or _one(settings.grpc_host)
    check = settings.service_check_http
    if check.startswith("/"):
        host = _one(settings.http_host) or reached_at or THIS_MACHINE
        check = f"http://{f'[{host}]' if ':' in host else host}:{http_port}{check}"
    return Instance(
        id=f"{settings.service_name}-{uuid.uuid4().hex}",
        name=settings.service_name,
        port=settings.service_port or grpc_port,
        check_url=check,
        address=reached_at,
    )


def _one(host: str) -> str:
    """The host, without the brackets of a v6 address; empty when it means all addresses."""
    bare = host.strip("[]")
    return "" if bare in ALL_ADDRESSES else bare
