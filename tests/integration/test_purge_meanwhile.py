"""Purges beside archivers, other purges and awards of the same merchant."""

import threading
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from gamification.adapters.archive.connection import Place
from gamification.adapters.postgres import outbox
from gamification.application import purge_audit
from tests.archives import CAFE, SHOP, ago, archive, ask, fill, ids_of, keys_in
from tests.purges import SMALL, actions_of, fill_both, purge
from tests.waiting import eventually

pytestmark = pytest.mark.servers

AWARDS_EVERY_S: Final = 0.005

AUDITED: Final = """
    INSERT INTO audit_logs (merchant_id, actor, action, subject, outcome)
    VALUES (%(m)s, 'award', 'badge_awarded', 'customer:1', 'ok')
"""


def test_entries_made_while_it_runs_stay(
    database_dsn: str, archive_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn, place = database_dsn, archive_place
    fill_both(dsn, place)
    monkeypatch.setattr("gamification.adapters.postgres.audit_rows.CHUNK_ROWS_MAX", 7)
    began: list[datetime] = []

    def reached(point: str) -> None:
        if point == "purge.after_rows" and not began:
            began.append(datetime.now(UTC))
            fill(dsn, SHOP, began[0])

    monkeypatch.setattr(purge_audit, "reached", reached)
    purge(dsn, place)

    assert sorted(actions_of(dsn)) == ["audit.purge", "badge_awarded"]


def test_two_purges_at_once_leave_one_entry(database_dsn: str, archive_place: Place) -> None:
    dsn, place = database_dsn, archive_place
    fill_both(dsn, place)
    together(
        lambda: purge(dsn, place, actor="eva"),
        lambda: purge(dsn, place, actor="ben"),
    )

    assert actions_of(dsn) == ["audit.purge"]
    assert keys_in(place, SHOP) == []


def test_a_purge_while_an_archiver_runs(database_dsn: str, archive_place: Place) -> None:
    for days in range(100, 110):
        fill(database_dsn, SHOP, ago(days), 30)
    fill(database_dsn, CAFE, ago(100), 30)
    cafe = ids_of(database_dsn, CAFE)

    def purge_in_the_middle() -> None:
        eventually(lambda: len(keys_in(archive_place, SHOP)) > 3)
        purge(database_dsn, archive_place)

    together(
        lambda: archive(database_dsn, archive_place, bounds=SMALL),
        purge_in_the_middle,
    )

    assert actions_of(database_dsn) == ["audit.purge"]
    assert keys_in(archive_place, SHOP) == []
    assert ask(database_dsn, "SELECT sum(rows) FROM audit_archive") == [(len(cafe),)]


@pytest.mark.parametrize(
    "rows", [50_000, pytest.param(1_000_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_awards_of_the_merchant_do_not_wait_while_many_rows_are_purged(
    database_dsn: str, rows: int
) -> None:
    fill(database_dsn, SHOP, ago(30), rows)
    awards = Awards(database_dsn)
    awards.start()
    try:
        eventually(lambda: awards.count > 5)
        before = awards.count
        purged = purge(database_dsn, None)
        during = awards.count - before
    finally:
        awards.stop()

    assert awards.failure is None, "one waited for a lock for too long"
    assert during > 5, "awards went on"
    assert purged.rows >= rows
    assert actions_of(database_dsn).count("audit.purge") == 1
    left = awards.count - (purged.rows - rows)
    assert actions_of(database_dsn).count("badge_awarded") == left, "what came meanwhile stays"


class Awards(threading.Thread):
    """Transactions with the locks of an award, on the merchant that is purged.

    Postgres itself says when one waits too long for a lock, so that a busy machine is not blamed.
    """

    LONGEST_WAIT = "SET lock_timeout = '250ms'"
    STEPS = (
        "UPDATE profiles SET exp = exp + 1 WHERE merchant_id = %(m)s",
        AUDITED,
        outbox.APPEND_LOCK,
    )

    def __init__(self, dsn: str) -> None:
        super().__init__()
        self._dsn = dsn
        self._asked = threading.Event()
        self.count = 0
        self.failure: psycopg.Error | None = None

    def run(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as database:
            merchant = {"m": UUID(bytes=SHOP)}
            database.execute(self.LONGEST_WAIT)
            database.execute(
                "INSERT INTO profiles (merchant_id, customer_id) VALUES (%(m)s, %(m)s)", merchant
            )
            while not self._asked.wait(AWARDS_EVERY_S):
                try:
                    with database.transaction():
                        for step in self.STEPS:
                            database.execute(step.encode(), merchant)
                except psycopg.Error as error:
                    self.failure = error
                    return
                self.count += 1

    def stop(self) -> None:
        self._asked.set()
        self.join(30)


def together(*works: Any) -> None:
    """Run all at once; raise what the first of them raised."""
    failures: list[BaseException] = []

    def run(work: Any) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]
