"""Servers that run already, known by the addresses that the application itself would use."""

import os
from collections.abc import Mapping

from deploy.devstack.errors import DevstackError
from deploy.devstack.server import Addresses, Elsewhere
from deploy.devstack.stack import Stack


def attach(environment: Mapping[str, str] | None = None) -> Stack:
    """Raises DevstackError naming every address that is missing."""
    given = os.environ if environment is None else environment
    missing = [name for name in Addresses.ENVIRONMENT if not given.get(name)]
    if missing:
        raise DevstackError(f"GAMIFICATION_DEVSTACK=external needs {', '.join(missing)}")
    kafka, registry, postgres, host, port = (given[name] for name in Addresses.ENVIRONMENT)
    if not port.isdigit():
        raise DevstackError(f"GAMIFICATION_REDIS_PORT={port} is not a port")
    return Stack(
        kafka=Elsewhere("kafka"),
        registry=Elsewhere("registry"),
        postgres=Elsewhere("postgres"),
        redis=Elsewhere("redis"),
        addresses=Addresses(kafka, registry, postgres, host, int(port)),
        release=lambda: None,
    )
