"""Audit entries of a batch: rows and records of one transaction, under the same ids."""

import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from deploy.devstack.database import create_database, drop_database
from deploy.devstack.server import Addresses
from gamification.adapters.postgres import audit, migrate, outbox
from gamification.adapters.postgres.connection import connect
from gamification.adapters.postgres.session import EngineSession
from gamification.domain.audit import Entry
from gamification.domain.ids import MerchantId
from gamification.wire.audit import announced as to_announce
from tests.archives import ask, ids_of
from tests.purges import announced

pytestmark = pytest.mark.servers

SHOP = MerchantId(b"s" * 16)
TRACE = "0af7651916cd43dd8448eb211c80319c"
ENTRIES = (
    Entry(SHOP, "award", "badge_awarded", "customer:1", '{"badge": "welcome", "n": 7}'),
    Entry(SHOP, "eva", "correction", "customer:2", outcome="denied", cause="1", trace_id=TRACE),
    Entry(SHOP, "eva", "correction", "customer:2", cause="2"),
)


@pytest.fixture
def session(database_dsn: str) -> Iterator[EngineSession]:
    with closing(EngineSession(database_dsn, "tests")) as one:
        yield one


def write(session: EngineSession, *entries: Entry) -> None:
    with session.transaction() as tx:
        audit.append(tx, entries)
        outbox.append(tx, to_announce(entries, 1_795_000_000_000), [])


def test_rows_and_records_say_the_same_under_the_same_ids(
    session: EngineSession, database_dsn: str
) -> None:
    write(session, *ENTRIES)

    rows = ask(
        database_dsn, "SELECT id::text, actor, action, subject, outcome, details FROM audit_logs"
    )
    records = {record["event_id"]: record for record in announced(database_dsn)}
    assert len(rows) == len(records) == 3
    for row_id, actor, action, subject, outcome, details in rows:
        record = records[row_id]
        assert (actor, action, subject, outcome) == (
            *(record["actor"], record["action"], record["subject"], record["outcome"]),
        )
        assert record["details"] == {key: str(value) for key, value in details.items()}
        assert uuid.UUID(row_id).version == 5
    assert sorted(filter(None, (record["trace_id"] for record in records.values()))) == [TRACE]


def test_the_same_fact_is_one_row(session: EngineSession, database_dsn: str) -> None:
    write(session, *ENTRIES)
    write(session, *ENTRIES)

    assert len(ids_of(database_dsn, SHOP)) == 3


def test_no_entries_are_no_work(session: EngineSession, database_dsn: str) -> None:
    write(session)

    assert ids_of(database_dsn, SHOP) == set()


def test_an_index_made_beforehand_by_hand_is_left_as_it_is(
    servers: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the migration tells operators of a big table to do."""
    name = f"test_{uuid.uuid4().hex}"
    before = {file: text for file, text in migrate.files().items() if file < "0004"}
    database = connect(create_database(servers.postgres_dsn, name), "tests")
    try:
        with monkeypatch.context() as patch:
            patch.setattr(migrate, "files", lambda: before)
            migrate.migrate(database)
        database.execute(
            "CREATE INDEX CONCURRENTLY idx_audit_logs_time"
            " ON audit_logs (merchant_id, created_at, id)"
        )
        assert "0005_audit.sql" in migrate.migrate(database)
        assert migrate.missing(database) == ()
    finally:
        database.close()
        drop_database(servers.postgres_dsn, name)


@pytest.mark.parametrize("details", ["[]", "7", "no JSON"])
def test_details_must_be_an_object(details: str) -> None:
    with pytest.raises((TypeError, ValueError)):
        to_announce([ENTRIES[0]._replace(details=details)], 0)
