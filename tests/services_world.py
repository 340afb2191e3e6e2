"""The service as its callers see it: over a real channel, with real neighbours and servers."""

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

import grpc
import psycopg

from deploy.devstack.server import Addresses
from deploy.neighbours.auth import Auth
from deploy.neighbours.running import Running
from deploy.neighbours.tokens import mint
from deploy.neighbours.users import Users
from gamification.adapters.postgres import merchants
from gamification.adapters.postgres.session import EngineSession
from gamification.adapters.tls import TlsFiles
from gamification.api.grpc.credentials import server_credentials
from gamification.application.import_translations import import_translations
from gamification.application.rulebook_admin import activate
from gamification.bootstrap.award import now_ms
from gamification.bootstrap.service import running
from gamification.domain.ids import DEFAULT_MERCHANT, MerchantId
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from gamification.generated.gamification.v1.gamification_pb2_grpc import GamificationServiceStub
from gamification.settings import Settings, load
from gamification.wire.rulebook import load as load_rules
from gamification.wire.translation_file import Text
from tests.names import name_badges
from tests.tls_folder import Folder

ANSWER_WITHIN_S: Final = 20.0
RULES: Final = """
rulebook: 1
earn:
  - {id: points, event: points.earned, exp: {per: points, rate: 1}}
badges:
  - {id: guest, name: badge.guest, icon: star, reward: {exp: 20, coins: 5}}
  - {id: friend, name: badge.friend, icon: star, when: {badge: guest}}
  - {id: beginner, name: badge.beginner, icon: star, when: {count: points.earned, at_least: 1}}
  - {id: local, name: badge.local, icon: star, eligible: {locale: known}}
"""
NAMES: Final = (("en", "Our guest"), ("pt", "Nosso hóspede"))
SHOP: Final = "6f9b1c8e-0b1d-4d55-9a37-2f6a3c1f0001"
OTHER_SHOP: Final = "6f9b1c8e-0b1d-4d55-9a37-2f6a3c1f0002"
AWARD: Final = ("gamification:award",)
EDIT: Final = ("admin:gamification:edit",)
OWN_CONNECTION: Final = (("grpc.use_local_subchannel_pool", 1),)
"""By default all channels of a process to one address share one."""
SECRETS: Final = ("postgres", "redis", "SELECT", "Traceback", "127.0.0.1")


def prepare(dsn: str) -> None:
    """Two merchants with one rulebook and names in two languages."""
    session = EngineSession(dsn, "tests")
    try:
        shops = [MerchantId(uuid.UUID(shop).bytes) for shop in (SHOP, OTHER_SHOP)]
        merchants.read(session, shops, create=True)
        texts = [Text("badge.guest", locale, "1.0.0", name) for locale, name in NAMES]
        import_translations(session, texts, now_ms)
        name_badges(session, load_rules(RULES))
        activate(session, DEFAULT_MERCHANT, RULES, "tests", now_ms)
    finally:
        session.close()


def new_customer() -> str:
    return str(uuid.uuid4())


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def refusal(call: Callable[[], object]) -> Any:
    """The status (`code()`, `details()`) with which the call ends. It tells nothing of us."""
    try:
        call()
    except grpc.RpcError as error:
        ended: Any = error
        for secret in SECRETS:
            assert secret not in (ended.details() or "")
        return ended
    raise AssertionError("the call was answered")


class ServiceThread:
    """The service in a thread of this process, at `address`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self.address = ""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(ANSWER_WITHIN_S)
        if self._failure is not None:
            raise self._failure
        return self

    def ask_to_stop(self) -> None:
        """As a signal would; returns at once."""
        if self._loop is not None and self._stop is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._stop.set)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ask_to_stop()
        self._thread.join(ANSWER_WITHIN_S)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with running(self._settings) as service:
                self.address = f"127.0.0.1:{service.port}"
                self._ready.set()
                await self._stop.wait()
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread
            self._failure = error
        finally:
            self._ready.set()


class Caller:
    """Calls one service; `award` and `purge` raise grpc.RpcError."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        self.channel = (
            grpc.insecure_channel(address, OWN_CONNECTION)
            if credentials is None
            else grpc.secure_channel(address, credentials, OWN_CONNECTION)
        )
        self._stub: Any = GamificationServiceStub(self.channel)  # type: ignore[no-untyped-call]

    def award(
        self,
        customer: str,
        badge: str = "guest",
        *,
        token: str | None = None,
        merchant: str = SHOP,
        locale: str = "",
        within_s: float = ANSWER_WITHIN_S,
        traceparent: str | None = None,
    ) -> pb.AwardBadgeResponse:
        request = pb.AwardBadgeRequest(
            merchant_id=merchant, customer_id=customer, badge=badge, locale=locale
        )
        metadata = bearer(mint(SHOP, AWARD) if token is None else token)
        if traceparent is not None:
            metadata += (("traceparent", traceparent),)
        answer: pb.AwardBadgeResponse = self._stub.AwardBadge(
            request, metadata=metadata, timeout=within_s
        )
        return answer

    def purge(self, merchant: str = SHOP, *, token: str | None = None) -> pb.PurgeAuditLogsResponse:
        answer: pb.PurgeAuditLogsResponse = self._stub.PurgeAuditLogs(
            pb.PurgeAuditLogsRequest(
                merchant_id=merchant, jwt_token=mint(SHOP, EDIT) if token is None else token
            ),
            timeout=ANSWER_WITHIN_S,
        )
        return answer


class World:
    """A service with its neighbours. `caller` is a good one, of merchant SHOP."""

    def __init__(
        self,
        dsn: str,
        addresses: Addresses,
        auth: Running[Auth],
        users: Running[Users],
        environment: dict[str, str],
    ) -> None:
        self.dsn = dsn
        self.auth = auth
        self.users = users
        self.settings = load(
            {
                **addresses.as_environment(),
                "GAMIFICATION_POSTGRES_DSN": dsn,
                "AUTH_HOST": auth.address,
                "USERS_HOST": users.address,
                "GAMIFICATION_GRPC_PORT": "0",
                **environment,
            }
        )
        self.address = ""
        self.caller: Caller
        self.service: ServiceThread

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as database:
            return database.execute(query.encode(), values).fetchall()

    def badges(self, customer: str) -> Sequence[str]:
        query = "SELECT badge FROM customer_badges WHERE customer_id = %s ORDER BY 1"
        return [row[0] for row in self.rows(query, customer)]


def _of_neighbours(tls: Folder) -> grpc.ServerCredentials:
    return server_credentials(TlsFiles(tls.paths("server")))


@contextmanager
def world_of(
    dsn: str, addresses: Addresses, tls: Folder | None = None, **environment: str
) -> Iterator[World]:
    """Everything in place and answering; with `tls` by mutual TLS only, on all sides."""
    prepare(dsn)
    neighbours = None if tls is None else partial(_of_neighbours, tls)
    with (
        Running(Auth(), credentials=neighbours) as auth,
        Running(Users(knows_everybody=True), credentials=neighbours) as users,
    ):
        if tls is not None:
            environment = {**tls.environment("service"), **environment}
        world = World(dsn, addresses, auth, users, environment)
        with ServiceThread(world.settings) as world.service:
            world.address = world.service.address
            credentials = None if tls is None else tls.channel_credentials("client")
            world.caller = Caller(world.address, credentials)
            try:
                yield world
            finally:
                world.caller.channel.close()
