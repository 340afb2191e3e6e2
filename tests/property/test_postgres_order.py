"""Two workers on a real Postgres end where the model says, however the activities arrive.

Everything random: the rulebook, what is done, its order, repetitions, batches, which worker gets
which batch, and how the two get into each other's way.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from gamification.adapters.postgres import merchants, offsets, profiles
from gamification.adapters.postgres.session import EngineSession
from gamification.application import rulebook_admin
from gamification.application.award import Awarder, Means, Moves
from gamification.application.award_badge import Answer, BadgeAwarder, BadgeCall
from gamification.application.correct import Corrector, Order
from gamification.application.rules import Tenants
from gamification.domain.activity import Activity
from gamification.domain.compile import held_badges
from gamification.domain.errors import Reason
from gamification.domain.ids import BadgeId, CustomerId, EventId, MerchantId
from gamification.domain.rulebook import Rulebook
from gamification.wire.envelope import DeadLetter, Decoded, Record
from gamification.wire.rulebook import load
from tests.names import name_badges
from tests.oracle import awards_audit as awards
from tests.oracle import postgres_rows
from tests.oracle.corrections_audit import compare_corrections
from tests.oracle.expected import Correction, ExpectedProfile, MerchantSettings, Person
from tests.oracle.ledger_audit import LedgerAudit
from tests.oracle.model import Corrections, Granted, expected
from tests.oracle.postgres_rows import ProfileRow
from tests.oracle.report import Invariant, Report
from tests.oracle.settings import SUPPORTED_LOCALES
from tests.property.strategies import activities, arrivals, homes, rulebooks
from tests.property.written import written

pytestmark = pytest.mark.servers

EXAMPLES = 60
NOW_MS = 1_780_000_000_000
CONSUMER = "award"
TOPIC = "points.earned"
ZONES = (None, "Europe/Berlin", "Asia/Tokyo", "America/Los_Angeles")
BY_MERCHANT = (
    "profiles",
    "ledger",
    "processed_events",
    "customer_badges",
    "customer_days",
    "completions",
    "payouts",
    "refused_entries",
    "coin_transactions",
    "exp_transactions",
)
ANNOUNCED = """
    SELECT convert_from(key, 'UTF8'), t.name, count(*)
      FROM outbox AS o JOIN topics AS t ON t.code = o.topic
     WHERE convert_from(key, 'UTF8') = ANY(%s)
     GROUP BY 1, 2
"""

Batches = list[list[Activity]]
Gifts = list[tuple[CustomerId, BadgeId]]
Tips = list[tuple[CustomerId, int, int]]
"""Who is given how much EXP and how many coins."""
World = tuple[Rulebook, str | None, list[Activity], list[Activity], Batches, Gifts, Tips]


class Calls(NamedTuple):
    """What others asked for meanwhile."""

    granted: Granted
    corrections: Corrections


class Worker:
    """One award worker without its Kafka: batches in, from a partition of its own."""

    def __init__(self, dsn: str, number: int) -> None:
        self.session = EngineSession(dsn, f"worker-{number}")
        self._partition = (TOPIC, number)
        self._next = offsets.start(self.session, CONSUMER, {self._partition: 0})[self._partition]
        tenants = Tenants(self.session, load, create_merchants=True)
        means = Means(CONSUMER, SUPPORTED_LOCALES, lambda: NOW_MS, no_letters)
        self._awarder = Awarder(self.session, tenants, means)

    def award(self, batches: Batches) -> None:
        for batch in batches:
            decoded = [Decoded(self._record(n), each, None) for n, each in enumerate(batch)]
            after = self._next + len(batch)
            moves = Moves({self._partition: self._next}, {self._partition: after})
            self._awarder.award(decoded, moves)
            self._next = after

    def _record(self, number: int) -> Record:
        return Record(*self._partition, self._next + number, NOW_MS, None, b"", ())


class Caller:
    """Another service, which gives badges meanwhile; some calls come twice."""

    def __init__(self, dsn: str) -> None:
        self.session = EngineSession(dsn, "caller")
        tenants = Tenants(self.session, load, create_merchants=True)
        self._awarder = BadgeAwarder(self.session, tenants, lambda: NOW_MS)
        self._corrector = Corrector(self.session, tenants, lambda: NOW_MS)

    def award(self, calls: Sequence[BadgeCall], together: int) -> dict[Person, set[BadgeId]]:
        """What was not refused."""
        granted: dict[Person, set[BadgeId]] = {}
        for start in range(0, len(calls), together):
            chunk = calls[start : start + together]
            for call, reply in zip(chunk, self._awarder.award(chunk), strict=True):
                if reply.answer in {Answer.AWARDED, Answer.ALREADY_AWARDED}:
                    person = call.merchant_id, call.customer_id
                    granted.setdefault(person, set()).add(call.badge)
                else:
                    assert reply.answer is Answer.NOT_ELIGIBLE
        return granted

    def tip(self, tips: Sequence[tuple[Person, Correction]]) -> None:
        """Each twice, as an operator does who is not sure."""
        for person, (key, exp, coins) in (*tips, *tips):
            with self.session.transaction() as tx:
                profiles.create_missing(tx, [person])
            order = Order(person, "operator", "test", really=True)
            self._corrector.award(order, exp, coins, key.removeprefix("award:"))


def no_letters(_record: Record, reason: Reason, detail: str) -> DeadLetter:
    raise AssertionError(f"nothing here is to be refused: {reason}: {detail}")


def at_home(told: Iterable[Activity], merchant: MerchantId, salt: bytes) -> list[Activity]:
    """The same at a merchant of its own, by customers of its own."""
    return [
        replace(
            each,
            merchant_id=merchant,
            customer_id=CustomerId(each.customer_id[:8] + salt),
            event_id=EventId(salt + each.event_id[8:]),
        )
        for each in told
    ]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Rules, the merchant's time zone, who lives where, what is done, how it arrives; gifts."""
    told = draw(activities(max_size=40))
    zone = draw(st.sampled_from(ZONES))
    rules = draw(rulebooks())
    people = sorted({each.customer_id for each in told})
    held = sorted(held_badges(rules))
    some = st.tuples(st.sampled_from(people), st.sampled_from(held)) if people and held else None
    given = draw(st.lists(some, max_size=8)) if some is not None else []
    amounts = st.sampled_from((0, 1, 7, 50, 300))
    tips = st.tuples(st.sampled_from(people), amounts, amounts) if people else st.nothing()
    tipped = draw(st.lists(tips.filter(lambda tip: any(tip[1:])), max_size=3)) if people else []
    return rules, zone, draw(homes()), told, draw(arrivals(told)), given, tipped


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of what failed, never else
def test_two_workers_end_where_the_model_says(database_dsn: str) -> None:
    compared: Counter[Invariant] = Counter()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        # Where two threads meet is never the same again: smaller examples prove nothing.
        phases=[Phase.generate],
        database=None,
    )
    @given(worlds(), st.lists(st.booleans(), min_size=16, max_size=16))
    def search(
        world: World,
        turns: Sequence[bool],
    ) -> None:
        rulebook, zone, home, told, arrived, given, tips = world
        salt = uuid.uuid4().bytes[:8]
        merchant = MerchantId(b"merchant" + salt)
        _open_for_business(workers[0].session, merchant, zone, rulebook)
        workers[0].award([at_home(home, merchant, salt)] if home else [])
        shares: tuple[Batches, Batches] = ([], [])
        for number, batch in enumerate(arrived):
            shares[turns[number % len(turns)]].append(at_home(batch, merchant, salt))
        calls = [
            BadgeCall(merchant, CustomerId(who[:8] + salt), badge, "test", is_known=True)
            for who, badge in given
        ]
        tipped = _tipped(tips, merchant, salt)
        granting = threads.submit(caller.award, calls * 2, 1 + len(turns) % 3)
        tipping = threads.submit(tipper.tip, tipped)
        for done in [
            threads.submit(worker.award, share)
            for worker, share in zip(workers, shares, strict=True)
        ]:
            done.result(30)
        granted = granting.result(30)
        tipping.result(30)
        corrections = _by_person(tipped)
        everything = at_home([*home, *told], merchant, salt)
        settled = {merchant: MerchantSettings(timezone=zone)}
        wanted = expected(everything, rulebook, settled, granted, corrections)
        calls_made = Calls(granted, corrections)
        report = _compared(database_dsn, merchant, everything, wanted, calls_made)
        assert not any(report.differences(each) for each in Invariant), str(report)
        compared.update({each: report.compared(each) for each in Invariant})

    workers = (Worker(database_dsn, 0), Worker(database_dsn, 1))
    caller, tipper = Caller(database_dsn), Caller(database_dsn)
    try:
        with ThreadPoolExecutor(len(workers) + 2) as threads:
            search()
    finally:
        for each in (*workers, caller, tipper):
            each.session.close()
    # Random worlds differ in size: 900 to 1,500 were seen.
    assert compared[Invariant.AWARDS] > 500
    assert compared[Invariant.LEDGER] > 100


def _tipped(tips: Tips, merchant: MerchantId, salt: bytes) -> list[tuple[Person, Correction]]:
    return [
        ((merchant, CustomerId(who[:8] + salt)), Correction(f"award:{number}", exp, coins))
        for number, (who, exp, coins) in enumerate(tips)
    ]


def _by_person(made: Iterable[tuple[Person, Correction]]) -> dict[Person, list[Correction]]:
    found: dict[Person, list[Correction]] = {}
    for person, correction in made:
        found.setdefault(person, []).append(correction)
    return found


def _open_for_business(
    session: EngineSession, merchant: MerchantId, zone: str | None, rulebook: Rulebook
) -> None:
    merchants.read(session, [merchant], create=True)
    with session.transaction() as tx:
        tx.execute(
            "UPDATE merchants SET timezone = %b::text WHERE merchant_id = %b::uuid",
            (zone, uuid.UUID(bytes=merchant)),
        )
    name_badges(session, rulebook)
    rulebook_admin.activate(session, merchant, written(rulebook), "test", lambda: NOW_MS)


def _compared(
    dsn: str,
    merchant: MerchantId,
    everything: Sequence[Activity],
    wanted: dict[Person, ExpectedProfile],
    calls: Calls,
) -> Report:
    report = Report()
    with _rows_of(dsn, merchant) as database:
        found = (ProfileRow(*row) for row in postgres_rows.rows(database, postgres_rows.PROFILES))
        profiles = {row.person: row for row in found}
        ledger = LedgerAudit()
        ledger.compare(database, profiles, report)
        awards.compare_events(database, everything, report)
        awards.compare_profiles(wanted, profiles, report)
        badges = awards.compare_badges(database, wanted, profiles, report)
        awards.compare_amounts(wanted, ledger.by_rule, report)
        awards.compare_causes(
            everything,
            badges,
            ledger.causes,
            report,
            granted=calls.granted,
            corrections=calls.corrections,
        )
        compare_corrections(database, calls.corrections, report)
        awards.compare_sets(database, wanted, report)
        awards.compare_board_days(database, wanted, report)
        _compare_announced(database, wanted, report)
    return report


def _compare_announced(
    database: psycopg.Connection, wanted: dict[Person, ExpectedProfile], report: Report
) -> None:
    """How many announcements of each kind each customer has."""
    want: Counter[object] = Counter()
    for (_merchant, customer), one in wanted.items():
        key = str(uuid.UUID(bytes=customer))
        for topic in ("badge.awarded", "badge.earned", "badge.task"):
            want[key, topic] = len(one.badges)
        want[key, "level.up"] = len(one.levels_announced)
        want[key, "streak.updated"] = len(one.active_days)
    keys = list({str(uuid.UUID(bytes=customer)) for _merchant, customer in wanted})
    got = {(key, topic): number for key, topic, number in database.execute(ANNOUNCED, (keys,))}
    report.same(Invariant.TOPICS, "announcements", dict(+want), got)


@contextmanager
def _rows_of(dsn: str, merchant: MerchantId) -> "Iterator[psycopg.Connection]":
    """A connection to which the tables hold nothing but one merchant's rows."""
    with psycopg.connect(dsn) as database:
        for table in BY_MERCHANT:
            database.execute(
                sql.SQL(
                    "CREATE TEMP VIEW {0} AS SELECT * FROM public.{0} WHERE merchant_id = {1}"
                ).format(sql.Identifier(table), sql.Literal(uuid.UUID(bytes=merchant)))
            )
        yield database
        database.rollback()
