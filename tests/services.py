"""Builders for tests of calls of other services: clients of one neighbour, in an event loop."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, ParamSpec

from gamification.adapters.services import auth, users
from gamification.adapters.services.auth import AuthClient
from gamification.adapters.services.call import Bounds, Service
from gamification.adapters.services.channels import Link
from gamification.adapters.services.circuit import CircuitBreaker
from gamification.adapters.services.users import UsersClient
from gamification.domain.ids import CustomerId, MerchantId

Arguments = ParamSpec("Arguments")

MERCHANT_TEXT = "6f9b1c8e-0b1d-4d55-9a37-2f6a3c1f0001"
MERCHANT = MerchantId(uuid.UUID(MERCHANT_TEXT).bytes)
CUSTOMER_TEXT = "6f9b1c8e-0b1d-4d55-9a37-2f6a3c1f0002"
CUSTOMER = CustomerId(uuid.UUID(CUSTOMER_TEXT).bytes)

GENEROUS = Bounds(deadline_ms=20_000)
"""For tests in which nothing is slow on purpose, on a machine that may be."""


class Clock:
    """Stands still until told."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def in_loop(
    test: Callable[Arguments, Coroutine[Any, Any, None]],
) -> Callable[Arguments, None]:
    """Makes a test of an `async def`, with an event loop of its own."""

    @wraps(test)
    def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> None:
        asyncio.run(test(*arguments, **named))

    return run


@asynccontextmanager
async def auth_client(
    address: str,
    bounds: Bounds = GENEROUS,
    *,
    circuit: CircuitBreaker | None = None,
    cache_s: float = 60,
    **clocks: Callable[[], float],
) -> AsyncIterator[AuthClient]:
    link = Link(address)
    try:
        yield AuthClient(link, Service(auth.NAME, bounds, circuit), cache_s, **clocks)
    finally:
        await link.close()


@asynccontextmanager
async def users_client(
    address: str,
    bounds: Bounds = GENEROUS,
    *,
    circuit: CircuitBreaker | None = None,
    jitter: Callable[[], float] = random.random,
    cache_s: float = 60,
    **clocks: Callable[[], float],
) -> AsyncIterator[UsersClient]:
    link = Link(address)
    service = Service(users.NAME, bounds, circuit, jitter=jitter)
    try:
        yield UsersClient(link, service, cache_s, **clocks)
    finally:
        await link.close()
