"""The comparison of everything that is said twice, from the settings."""

from collections.abc import Callable, Collection
from contextlib import ExitStack, closing
from typing import Final, NamedTuple

from gamification.adapters.postgres import boards, outbox_reader, reconcile
from gamification.adapters.postgres.boards import Kept
from gamification.adapters.postgres.connection import Database
from gamification.adapters.postgres.session import EngineSession
from gamification.adapters.redis.connection import Client, close, connect
from gamification.application import reconcile_outbox
from gamification.application.announced import Site
from gamification.application.project import today_utc
from gamification.application.rebuild_request import ask, is_done, plan
from gamification.application.reconcile import OF_POSTGRES, Reconciler
from gamification.application.reconcile_boards import BoardReconciler
from gamification.application.relay_lanes import LANES
from gamification.application.repair import Repairer
from gamification.application.rules import Tenants
from gamification.bootstrap.award import now_ms, require_migrated
from gamification.bootstrap.places import kafka_of, redis_of
from gamification.domain.compile import CompiledRulebook
from gamification.domain.difference import Check, Findings
from gamification.domain.errors import Unavailable
from gamification.domain.ids import CustomerId, MerchantId
from gamification.settings import Settings
from gamification.wire.rulebook import load

NAME: Final = "gamification-reconcile"
IDLE_LIMIT_S: Final = 600
LOOK_EVERY_S: Final = 0.5
BUILT_LOOKS: Final = 600


class Asked(NamedTuple):
    """What is to be compared."""

    checks: Collection[Check]
    merchant_id: MerchantId | None
    """None: all."""
    outbox_rows: int
    """So many of the newest ids of each lane of the relay."""


class Compared(NamedTuple):
    """What was found, and what could be written anew."""

    findings: list[Findings]
    customers: list[tuple[MerchantId, CustomerId]]
    """Whose profile does not follow from ledger and badges."""
    boards: list[MerchantId]
    """Whose leaderboards differ."""


Wait = Callable[[float], object]


def compare(settings: Settings, asked: Asked, wait: Wait, told: Callable[[], None]) -> Compared:
    """Look at everything that is asked for; `told` now and then. Raises Unavailable or Halt."""
    dsn = settings.postgres_dsn.get_secret_value()
    require_migrated(dsn)
    findings: list[Findings] = []
    customers: list[tuple[MerchantId, CustomerId]] = []
    differing: list[MerchantId] = []
    with ExitStack() as stack:
        database = stack.enter_context(closing(reconcile.open_reconciling(dsn)))
        whom = [asked.merchant_id] if asked.merchant_id else boards.merchants(database)
        if not set(OF_POSTGRES).isdisjoint(asked.checks):
            session = stack.enter_context(closing(EngineSession(dsn, NAME)))
            tables = Reconciler(database, _rules_of(session), asked.checks)
            for merchant in whom:
                tables.look(merchant, told)
            findings += tables.findings.values()
            customers = [
                (merchant, customer)
                for merchant, of_merchant in tables.contradicting.items()
                for customer in of_merchant
            ]
        if Check.BOARDS in asked.checks:
            found = _boards(settings, stack, wait)
            for merchant in whom:
                found.look(merchant)
                told()
            findings.append(found.findings)
            differing = found.differing
        if Check.OUTBOX in asked.checks:
            findings.append(_outbox(settings, stack, asked.outbox_rows))
    return Compared(findings, customers, differing)


def repair(
    settings: Settings, compared: Compared, actor: str, wait: Wait, told: Callable[[], None]
) -> int:
    """Write anew what is derived; how many profiles were. Raises Unavailable or Halt.

    Unavailable, too, when no projection has written the leaderboards in time.
    """
    dsn = settings.postgres_dsn.get_secret_value()
    repaired = 0
    if compared.customers:
        with closing(EngineSession(dsn, NAME)) as session:
            tenants = Tenants(session, load, create_merchants=False)
            repairer = Repairer(session, tenants, actor, now_ms)
            for merchant, customer in compared.customers:
                repaired += repairer.repair(merchant, customer)
                told()
    if compared.boards:
        client = connect(redis_of(settings), NAME)
        try:
            requests = [plan(client, merchant) for merchant in compared.boards]
            for request in requests:
                ask(client, request)
            for _ in range(BUILT_LOOKS):
                requests = [
                    each for each in requests if not is_done(client, each, settings.board_keep_days)
                ]
                if not requests:
                    return repaired
                wait(LOOK_EVERY_S)
        finally:
            close(client)
        raise Unavailable("leaderboards were not written anew in time: is a projection running?")
    return repaired


def _rules_of(session: EngineSession) -> Callable[[MerchantId], CompiledRulebook | None]:
    tenants = Tenants(session, load, create_merchants=False)

    def rules_of(merchant: MerchantId) -> CompiledRulebook | None:
        found = tenants.load({merchant}).get(merchant)
        return None if found is None else found[1]

    return rules_of


def _boards(settings: Settings, stack: ExitStack, wait: Wait) -> BoardReconciler:
    dsn = settings.postgres_dsn.get_secret_value()
    database = stack.enter_context(closing(boards.open_boards(dsn, NAME)))
    client: Client = connect(redis_of(settings), NAME)
    stack.callback(close, client)
    kept = Kept.on(today_utc(), settings.board_keep_days)
    return BoardReconciler(database, client, kept, wait)


def _outbox(settings: Settings, stack: ExitStack, rows_max: int) -> Findings:
    findings = Findings(Check.OUTBOX)
    dsn = settings.postgres_dsn.get_secret_value()
    database: Database = stack.enter_context(
        closing(outbox_reader.open_reader(dsn, NAME, IDLE_LIMIT_S))
    )
    topics = outbox_reader.topics(database)
    for lane in LANES:
        site = Site(kafka_of(settings), lane, database, topics)
        reconcile_outbox.look(site, dsn, findings, rows_max)
    return findings
