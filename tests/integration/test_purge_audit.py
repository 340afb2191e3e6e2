"""A purge takes all audit rows and objects of one merchant, and leaves one entry that says so."""

import time
from contextlib import closing
from dataclasses import replace
from uuid import UUID

import pytest

from gamification.adapters.archive.connection import Place
from gamification.adapters.archive.store import Store
from gamification.adapters.postgres import audit_locks
from gamification.adapters.postgres.session import EngineSession
from gamification.application import purge_audit
from gamification.application.purge_audit import Purged, Purger
from gamification.domain.errors import Unavailable
from tests.archives import (
    CAFE,
    END_SESSIONS,
    SHOP,
    Interrupted,
    ago,
    archive,
    ask,
    client_of,
    cold_bucket_of,
    crash_at,
    fill,
    ids_of,
    keys_in,
    make_place,
    now_ms,
    with_cold_bucket,
)
from tests.object_store import s3_server
from tests.purges import SMALL, actions_of, announced, fill_both, purge

pytestmark = pytest.mark.servers

POINTS = (
    *("purge.after_begin", "purge.after_page", "purge.after_objects", "purge.after_rows"),
    "purge.before_commit",
)


@pytest.fixture
def filled(database_dsn: str, archive_place: Place) -> tuple[str, Place]:
    fill_both(database_dsn, archive_place)
    return database_dsn, archive_place


def test_rows_and_objects_are_gone_and_one_entry_says_so(filled: tuple[str, Place]) -> None:
    dsn, place = filled

    assert purge(dsn, place) == Purged(20, 3)

    assert actions_of(dsn) == ["audit.purge"]
    assert keys_in(place, SHOP) == []
    assert ask(dsn, "SELECT actor, subject, outcome, details FROM audit_logs ORDER BY 1")[-1] == (
        "eva",
        f"merchant:{UUID(bytes=SHOP)}",
        "ok",
        {"rows": "20", "objects": "3"},
    )


def test_another_merchants_rows_and_objects_are_not_touched(filled: tuple[str, Place]) -> None:
    dsn, place = filled
    rows, keys = ids_of(dsn, CAFE), keys_in(place, CAFE)
    assert (len(rows), len(keys)) == (20, 3)

    purge(dsn, place)

    assert (ids_of(dsn, CAFE), keys_in(place, CAFE)) == (rows, keys)
    assert ask(dsn, "SELECT DISTINCT merchant_id, status FROM audit_archive") == [
        (UUID(bytes=CAFE), "cleared")
    ]


def test_the_entry_is_announced_under_the_id_of_its_row(filled: tuple[str, Place]) -> None:
    dsn, place = filled
    purge(dsn, place)

    (record,) = announced(dsn)
    assert {record["event_id"]} == ids_of(dsn, SHOP)
    assert (record["actor"], record["action"], record["outcome"]) == ("eva", "audit.purge", "ok")
    assert record["details"] == {"rows": "20", "objects": "3"}


def test_a_repeated_purge_again_leaves_exactly_one_entry(filled: tuple[str, Place]) -> None:
    dsn, place = filled
    purge(dsn, place)
    first = ids_of(dsn, SHOP)

    assert purge(dsn, place, actor="ben") == Purged(1, 0), "the entry of the first"

    assert actions_of(dsn) == ["audit.purge"]
    assert ids_of(dsn, SHOP).isdisjoint(first)
    assert [record["actor"] for record in announced(dsn)] == ["eva", "ben"]


def test_a_merchant_without_anything_can_be_purged(database_dsn: str, archive_place: Place) -> None:
    assert purge(database_dsn, archive_place) == Purged(0, 0)
    assert actions_of(database_dsn) == ["audit.purge"]


def test_objects_that_nobody_listed_are_deleted_too(filled: tuple[str, Place]) -> None:
    dsn, place = filled
    key = f"audit/{UUID(bytes=SHOP)}/2020/01/01.jsonl.gz"
    client_of(place).put_object(Bucket=place.bucket, Key=key, Body=b"left by a crash")

    assert purge(dsn, place).objects == 4
    assert keys_in(place, SHOP) == []


def test_objects_in_the_cold_bucket_are_deleted_too(
    database_dsn: str, archive_place: Place
) -> None:
    place = with_cold_bucket(archive_place)
    fill(database_dsn, SHOP, ago(200), 5)
    fill(database_dsn, SHOP, ago(100), 5)
    archive(database_dsn, place)
    assert len(keys_in(place, SHOP, cold_bucket_of(place))) == 1

    assert purge(database_dsn, place) == Purged(0, 2)
    assert keys_in(place, SHOP) + keys_in(place, SHOP, cold_bucket_of(place)) == []


def test_objects_from_before_prefix_or_bucket_changed_are_deleted_too(
    filled: tuple[str, Place],
) -> None:
    dsn, place = filled
    now = replace(place, bucket=cold_bucket_of(place), prefix="elsewhere")

    assert purge(dsn, now) == Purged(20, 3)
    assert keys_in(place, SHOP) == []


def test_more_objects_than_one_request_may_delete(
    database_dsn: str, archive_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("gamification.adapters.archive.store",):
        monkeypatch.setattr(f"{module}.LIST_MAX", 3)
        monkeypatch.setattr(f"{module}.DELETE_MAX", 2)
    fill(database_dsn, SHOP, ago(100), 80)
    archive(database_dsn, archive_place, bounds=SMALL)

    assert purge(database_dsn, archive_place).objects == 8
    assert keys_in(archive_place, SHOP) == []


def test_without_a_bucket_rows_are_deleted(database_dsn: str) -> None:
    fill(database_dsn, SHOP, ago(10), 5)

    assert purge(database_dsn, None) == Purged(5, 0)


def test_without_a_bucket_known_objects_are_not_forgotten(filled: tuple[str, Place]) -> None:
    dsn, _ = filled
    rows = ids_of(dsn, SHOP)

    with pytest.raises(Unavailable, match="3 archived objects are known"):
        purge(dsn, None)
    assert ids_of(dsn, SHOP) == rows


def test_while_the_store_is_away_nothing_is_claimed(database_dsn: str) -> None:
    with s3_server() as (url, _):
        place = make_place(url)
        fill(database_dsn, SHOP, ago(100), 5)
        fill(database_dsn, SHOP, ago(10), 5)
        archive(database_dsn, place)
    port = int(url.rpartition(":")[2])

    with pytest.raises(Unavailable, match="archive: "):
        purge(database_dsn, place)
    assert "audit.purge" not in actions_of(database_dsn)
    assert announced(database_dsn) == []

    with s3_server(port):
        assert purge(database_dsn, place) == Purged(5, 1)
        assert keys_in(place, SHOP) == []


@pytest.mark.parametrize("point", POINTS)
def test_an_interrupted_purge_claims_nothing_and_is_finished_by_the_next(
    filled: tuple[str, Place], monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    monkeypatch.setattr("gamification.adapters.postgres.audit_rows.CHUNK_ROWS_MAX", 7)
    dsn, place = filled
    crash_at(monkeypatch, purge_audit, point)
    with pytest.raises(Interrupted):
        purge(dsn, place)
    assert "audit.purge" not in actions_of(dsn)
    assert announced(dsn) == []
    monkeypatch.undo()

    purge(dsn, place)

    assert actions_of(dsn) == ["audit.purge"]
    assert keys_in(place, SHOP) == []
    assert ask(dsn, "SELECT count(*) FROM audit_archive") == [(3,)], "of the other merchant"


@pytest.mark.parametrize("point", ["purge.after_page", "purge.after_rows", "purge.before_commit"])
def test_a_database_connection_that_breaks_is_told_and_the_next_purge_goes_on(
    filled: tuple[str, Place], monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    monkeypatch.setattr("gamification.adapters.postgres.audit_rows.CHUNK_ROWS_MAX", 7)
    dsn, place = filled
    monkeypatch.setattr(purge_audit, "reached", lambda at: at == point and ask(dsn, END_SESSIONS))
    with pytest.raises(Unavailable, match="postgres: "):
        purge(dsn, place)
    assert "audit.purge" not in actions_of(dsn)
    monkeypatch.undo()

    purge(dsn, place)

    assert actions_of(dsn) == ["audit.purge"]


def test_after_an_interrupted_purge_the_archiver_leaves_the_merchant_alone(
    filled: tuple[str, Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn, place = filled
    crash_at(monkeypatch, purge_audit, "purge.after_page")
    with pytest.raises(Interrupted):
        purge(dsn, place)
    fill(dsn, SHOP, ago(100), 5)

    done = archive(dsn, place)

    assert (done[SHOP].busy, done[SHOP].objects) == (True, 0)
    assert keys_in(place, SHOP) == []


def test_out_of_time_it_stops_and_says_how_far_it_came(filled: tuple[str, Place]) -> None:
    dsn, place = filled
    clock = iter([0.0, 1.0, 99.0])  # before the lock, the first page, the rows
    with (
        closing(EngineSession(dsn, "purge")) as session,
        closing(Store(place)) as store,
        pytest.raises(Unavailable, match="out of time: 0 audit rows and 3 archived objects"),
    ):
        Purger(session, store, now_ms, lambda: next(clock, 99.0)).purge(SHOP, "eva", 50.0)

    assert "audit.purge" not in actions_of(dsn)
    assert purge(dsn, place) == Purged(20, 0)


def test_a_time_that_is_over_does_nothing(filled: tuple[str, Place]) -> None:
    dsn, place = filled

    with pytest.raises(Unavailable, match="out of time"):
        purge(dsn, place, deadline_s=time.monotonic() - 1)
    assert len(keys_in(place, SHOP)) == 3
    assert len(ids_of(dsn, SHOP)) == 20


def test_it_does_not_wait_for_an_archiver_for_longer_than_it_may(
    filled: tuple[str, Place],
) -> None:
    dsn, place = filled
    with (
        closing(EngineSession(dsn, "other")) as other,
        closing(EngineSession(dsn, "purge")) as session,
        audit_locks.held(other, SHOP, 1),
        pytest.raises(Unavailable, match="being moved by another"),
    ):
        Purger(session, None, now_ms, lambda: 50.0).purge(SHOP, "eva", 50.2)

    assert purge(dsn, place).rows == 20
