"""The auditor: looks at live Postgres, Kafka and Redis, and says whether the invariants hold.

It shares no code with what writes there. It remembers every ledger entry, outbox row and record
that it ever saw: `look` may be called while the engine runs, and what was there once must be
there at the end. A check that compared nothing fails.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import psycopg
import redis

from deploy.devstack.server import Addresses
from gamification.domain.activity import Activity
from gamification.domain.ids import MerchantId
from gamification.domain.rulebook import Rulebook
from tests.oracle import awards_audit as awards
from tests.oracle import postgres_rows as sql
from tests.oracle.audit_rows import compare_audit
from tests.oracle.avro_read import Published
from tests.oracle.boards_audit import compare_boards
from tests.oracle.corrections_audit import compare_corrections, compare_told
from tests.oracle.expected import MerchantSettings, Person
from tests.oracle.ledger_audit import LedgerAudit
from tests.oracle.letters_audit import BadRecord, compare_letters
from tests.oracle.model import Corrections, Granted, expected
from tests.oracle.postgres_rows import AuditRow, ProfileRow
from tests.oracle.report import Report
from tests.oracle.topic_records import TopicReader, TopicRecord
from tests.oracle.topics_audit import (
    ANNOUNCED,
    LETTERS,
    OutboxAudit,
    compare_announcements,
    compare_facts,
)

BOARDS_KEPT_DAYS: Final = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What was sent: all that the state may depend on."""

    rulebooks: Rulebook | Mapping[MerchantId, Rulebook]
    activities: Sequence[Activity]
    """Valid and distinct, those that are counted; in any order."""
    bad: Sequence[BadRecord] = ()
    merchants: Mapping[MerchantId, MerchantSettings] = dataclasses.field(default_factory=dict)
    granted: Granted = dataclasses.field(default_factory=dict)
    """Badges that AwardBadge gave, or found given, by customer."""
    corrections: Corrections = dataclasses.field(default_factory=dict)
    """Operators', by customer. What they take is taken when all else is counted."""
    letter_statuses: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What became of dead letters, by reason, where they are not parked."""


class Auditor:
    """One audit of one database, its topics and its boards.

    `from_now`: records that the topics hold already belong to somebody else.
    """

    def __init__(
        self,
        addresses: Addresses,
        *,
        from_now: bool = False,
        boards_kept_days: int = BOARDS_KEPT_DAYS,
    ) -> None:
        self._addresses = addresses
        self._boards_kept_days = boards_kept_days
        self._ledger = LedgerAudit()
        self._outbox = OutboxAudit()
        self._published = Published(addresses.registry_url)
        self._topics = TopicReader(
            addresses.kafka_bootstrap, (*ANNOUNCED, *LETTERS), from_now=from_now
        )

    @property
    def records(self) -> Sequence[TopicRecord]:
        """Everything read from the topics so far, in the order of each partition."""
        return self._topics.records

    def look(self, through: "psycopg.Connection | None" = None) -> Report:
        """Remember what is there now. The report knows only of what changed or went away.

        `through`: a connection whose uncommitted changes count, for the auditor's own tests.
        """
        report = Report()
        with self._database(through) as database:
            self._ledger.look(database, report)
            self._outbox.look(database, report)
        self._topics.catch_up()
        return report

    def check(self, inputs: Inputs, through: "psycopg.Connection | None" = None) -> Report:
        """Compare everything. Only when all inputs were handled: see `bench.workload.drained`.

        `through`: as for `look`.
        """
        report = Report()
        wanted = expected(
            inputs.activities,
            inputs.rulebooks,
            inputs.merchants,
            inputs.granted,
            inputs.corrections,
        )
        self._topics.catch_up()
        with self._database(through) as database:
            profiles = _profiles(database)
            self._ledger.compare(database, profiles, report)
            awards.compare_events(database, inputs.activities, report)
            awards.compare_profiles(wanted, profiles, report)
            badges = awards.compare_badges(database, wanted, profiles, report)
            awards.compare_amounts(wanted, self._ledger.by_rule, report)
            awards.compare_causes(
                inputs.activities,
                badges,
                self._ledger.causes,
                report,
                granted=inputs.granted,
                corrections=inputs.corrections,
            )
            compare_corrections(database, inputs.corrections, report)
            awards.compare_sets(database, wanted, report)
            awards.compare_board_days(database, wanted, report)
            self._outbox.look(database, report)
            records = self._topics.records
            told = compare_announcements(
                self._outbox.rows,
                (record for record in records if record.topic not in LETTERS),
                self._published,
                report,
            )
            compare_facts(told, badges, wanted, profiles, report)
            audited = (AuditRow(*values) for values in sql.rows(database, sql.AUDITED))
            compare_audit(told, badges, audited, report)
            compare_told(told, inputs.corrections, report)
            letters = [record for record in records if record.topic in LETTERS]
            found = self._outbox.rows
            compare_letters(
                database, found, letters, inputs.bad, report, statuses=inputs.letter_statuses
            )
            self._compare_boards(database, report)
        return report

    def _compare_boards(self, database: psycopg.Connection, report: Report) -> None:
        client = redis.Redis.from_url(self._addresses.redis_url)
        try:
            compare_boards(database, client, self._boards_kept_days, report)
        finally:
            client.close()

    @contextmanager
    def _database(self, through: "psycopg.Connection | None") -> "Iterator[psycopg.Connection]":
        """One snapshot for all that is read: the engine may be running."""
        if through is not None:
            yield through
            return
        with psycopg.connect(self._addresses.postgres_dsn) as database:
            database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            database.read_only = True
            yield database


def _profiles(database: psycopg.Connection) -> dict[Person, ProfileRow]:
    found = (ProfileRow(*values) for values in sql.rows(database, sql.PROFILES))
    return {row.person: row for row in found}


def check(
    addresses: Addresses,
    rulebooks: Rulebook | Mapping[MerchantId, Rulebook],
    activities: Iterable[Activity],
    bad: Iterable[BadRecord] = (),
    merchants: Mapping[MerchantId, MerchantSettings] | None = None,
) -> Report:
    """All four invariants, at once and from the beginning of every topic."""
    inputs = Inputs(
        rulebooks=rulebooks,
        activities=list(activities),
        bad=list(bad),
        merchants=merchants or {},
    )
    return Auditor(addresses).check(inputs)
