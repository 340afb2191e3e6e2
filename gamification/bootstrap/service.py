"""The service that other services call, from its settings."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from gamification.adapters.archive.store import open_store
from gamification.adapters.kafka.invalidations import Invalidations
from gamification.adapters.postgres.session import EngineSession
from gamification.adapters.postgres.translation_reader import TranslationReader
from gamification.adapters.redis.aio import AsyncRedis
from gamification.adapters.redis.blacklist import Blacklist
from gamification.adapters.redis.rate_limit import RateLimiter
from gamification.adapters.redis.translations import TranslationCache
from gamification.adapters.services import auth, users
from gamification.adapters.services.auth import AuthClient
from gamification.adapters.services.call import Bounds as CallBounds
from gamification.adapters.services.call import Service as CalledService
from gamification.adapters.services.channels import Link
from gamification.adapters.services.users import UsersClient
from gamification.adapters.tls import TlsFiles
from gamification.api.grpc.credentials import server_credentials
from gamification.api.grpc.server import GrpcServer
from gamification.api.grpc.service import GamificationServicer, Means
from gamification.application.authenticate import Authenticator
from gamification.application.award_badge import BadgeAwarder, BadgeCall, Reply
from gamification.application.gather import Bounds, Gatherer
from gamification.application.hear_invalidations import InvalidationListener
from gamification.application.purge_audit import Purged, Purger
from gamification.application.rules import Tenants
from gamification.application.translate import Translator
from gamification.bootstrap.award import now_ms, require_migrated
from gamification.bootstrap.discovery import registration
from gamification.bootstrap.open_files import room_for
from gamification.bootstrap.places import kafka_of, redis_of
from gamification.bootstrap.tls import tls_files
from gamification.domain.errors import InvariantBroken
from gamification.domain.gcra import Limit
from gamification.domain.ids import MerchantId
from gamification.settings import Settings
from gamification.telemetry.clients import ClientHash
from gamification.wire.rulebook import load

NAME: Final = "gamification-service"
GRACE_S: Final = 5.0
"""How long a stop waits for calls in hand."""
CALLS_LEAST: Final = 1_000
"""Calls at once that there is room for, however few may wait: some only watch our health."""
STORE_WITHIN_S: Final = 5.0
"""Somebody waits for a purge: the object store must answer a single question sooner than usual."""


class BadgeHandler:
    """What a gatherer hands its calls to: an awarder with a connection of its own."""

    def __init__(self, settings: Settings) -> None:
        """Raises Unavailable or Halt."""
        dsn = settings.postgres_dsn.get_secret_value()
        require_migrated(dsn)
        self._session = EngineSession(dsn, NAME)
        tenants = Tenants(self._session, load, create_merchants=False)
        self._awarder = BadgeAwarder(self._session, tenants, now_ms)

    def handle(self, calls: Sequence[BadgeCall]) -> list[Reply]:
        return self._awarder.award(calls)

    def close(self) -> None:
        self._session.close()


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers."""

    port: int
    gatherer: Gatherer[BadgeCall, Reply]
    listening: "asyncio.Task[None]"

    def check(self) -> None:
        """Raises what ended one of its loops, which are to turn for ever."""
        if self.listening.done():
            self.listening.result()
            raise InvariantBroken("nobody listens for invalidations any more")
        if not self.gatherer.is_turning:
            raise InvariantBroken("nobody handles gathered calls any more")


@asynccontextmanager
async def running(settings: Settings, http_port: int = 0) -> AsyncIterator[Running]:
    """Answers inside the block; on leaving, lets what is in hand finish. Raises Halt.

    `http_port` is where /health is answered, for who wants to know whether we are alive.
    """
    async with AsyncExitStack() as stack:
        tls = tls_files(settings)
        authenticator, customers, redis = await _others(settings, tls, stack)
        dsn = settings.postgres_dsn.get_secret_value()
        translator = Translator(
            TranslationReader(dsn), TranslationCache(redis.client), settings.supported_locales
        )
        stack.push_async_callback(translator.close)
        listener = InvalidationListener(partial(Invalidations, kafka_of(settings)), translator)
        listening = asyncio.create_task(listener.run())
        stack.push_async_callback(_ended, listening)
        bounds = Bounds(
            settings.call_gather_ms, settings.calls_together_max, settings.calls_waiting_max
        )
        gatherer = Gatherer[BadgeCall, Reply](partial(BadgeHandler, settings), bounds)
        gatherer.start()
        stack.callback(gatherer.stop, GRACE_S)
        means = Means(
            identify=authenticator.identify,
            take=RateLimiter(redis).take,
            submit=gatherer.submit,
            customer_exists=customers.exists,
            name=translator.name,
            purge=partial(_purge, settings),
            client=ClientHash(settings.client_hash_key.get_secret_value()).of_peer,
            badge_limit=Limit("award_badge", settings.award_badge_per_s),
            purge_limit=Limit("purge_audit_logs", settings.purge_per_minute, 60.0),
            at_once_max=settings.calls_at_once_max,
            waiting_max=settings.calls_waiting_max,
        )
        server = GrpcServer(
            GamificationServicer(means),
            f"{settings.grpc_host}:{settings.grpc_port}",
            None if tls is None else server_credentials(tls),
            # As many again as wait for a transaction may be before and behind it.
            calls_max=max(CALLS_LEAST, 2 * settings.calls_waiting_max),
            connections_max=room_for(settings.connections_max),
        )
        await server.start()
        stack.push_async_callback(server.stop, GRACE_S)
        entry = registration(settings, server.port, http_port)
        if entry is not None:
            entry.start()
            # Pushed last: nobody is sent to us any more before we begin to refuse.
            stack.push_async_callback(entry.stop)
        yield Running(server.port, gatherer, listening)


async def _others(
    settings: Settings, tls: TlsFiles | None, stack: AsyncExitStack
) -> tuple[Authenticator, UsersClient, AsyncRedis]:
    """Those whom we ask, closed with the stack."""
    address = redis_of(settings)
    redis = AsyncRedis.at(address, NAME)
    stack.push_async_callback(redis.close)
    hosts = settings.auth_host, settings.users_host
    links = [Link(host, tls) for host in hosts]
    for link in links:
        stack.push_async_callback(link.close)
    auth_service = CalledService(auth.NAME, CallBounds(settings.auth_deadline_ms))
    users_service = CalledService(users.NAME, CallBounds(settings.users_deadline_ms))
    tokens = AuthClient(links[0], auth_service, settings.auth_cache_s)
    customers = UsersClient(links[1], users_service, settings.users_cache_s)
    return Authenticator(tokens.validate, Blacklist(redis).is_revoked), customers, redis


def _purge(settings: Settings, merchant_id: MerchantId, actor: str, within_s: float) -> Purged:
    """On a connection of its own: purges are rare, and may take long."""
    deadline_s = time.monotonic() + within_s
    session = EngineSession(settings.postgres_dsn.get_secret_value(), f"{NAME}-purge")
    with closing(session):
        store = open_store(settings, STORE_WITHIN_S)
        try:
            return Purger(session, store, now_ms).purge(merchant_id, actor, deadline_s)
        finally:
            if store is not None:
                store.close()


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
