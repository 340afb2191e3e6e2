"""Audit rows that are old enough go to the object store, each exactly once, whatever breaks."""

import hashlib
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from gamification.adapters.archive.connection import Place
from gamification.adapters.archive.store import Corrupt
from gamification.adapters.postgres import audit_locks
from gamification.adapters.postgres.session import EngineSession
from gamification.application import archive_audit
from gamification.application.archive_audit import Bounds
from gamification.domain.errors import Unavailable
from gamification.domain.ids import DEFAULT_MERCHANT
from tests.archives import (
    CAFE,
    END_SESSIONS,
    NOW,
    SHOP,
    Interrupted,
    ago,
    archive,
    archived,
    archived_ids,
    ask,
    client_of,
    crash_at,
    fill,
    ids_of,
    keep,
    keys_in,
    make_place,
    rows_of,
)
from tests.object_store import s3_server

pytestmark = pytest.mark.servers

SMALL = Bounds(part_rows=10, read_rows=4)

POINTS = (
    *("archive.after_put", "archive.after_record", "archive.after_verify"),
    *("archive.after_delete",),
)


def do_at(monkeypatch: pytest.MonkeyPatch, name: str, damage: Any) -> None:
    """Call `damage` when the archiver is there."""
    monkeypatch.setattr(archive_audit, "reached", lambda point: point == name and damage())


def test_each_merchant_keeps_its_rows_for_as_long_as_it_says(
    database_dsn: str, archive_place: Place
) -> None:
    keep(database_dsn, CAFE, days=180)
    midnight = datetime(NOW.year, NOW.month, NOW.day, tzinfo=UTC)
    last_due = midnight - timedelta(days=90, milliseconds=2)
    fill(database_dsn, SHOP, last_due)
    fill(database_dsn, CAFE, last_due)
    fill(database_dsn, CAFE, ago(182))
    due = ids_of(database_dsn, SHOP)
    fill(database_dsn, SHOP, midnight - timedelta(days=90))

    done = archive(database_dsn, archive_place)

    assert {merchant: each.rows for merchant, each in done.items()} == {SHOP: 1, CAFE: 1}
    assert set(archived_ids(archive_place, SHOP)) == due
    assert len(ids_of(database_dsn, SHOP)) == 1, "of a day that is not 90 days over"
    assert [row[2] for row in rows_of(database_dsn, CAFE)] == [last_due + timedelta(milliseconds=1)]


def test_an_object_holds_the_rows_of_one_day_as_they_were(
    database_dsn: str, archive_place: Place
) -> None:
    fill(database_dsn, SHOP, datetime(2026, 1, 31, 23, 0, tzinfo=UTC))
    fill(database_dsn, SHOP, datetime(2026, 2, 1, 0, 0, tzinfo=UTC))
    (first, *_), (second, *_) = rows_of(database_dsn, SHOP)

    archive(database_dsn, archive_place)

    folder = f"audit/{UUID(bytes=SHOP)}/2026"
    found = archived(archive_place, SHOP)
    assert list(found) == [f"{folder}/01/31.jsonl.gz", f"{folder}/02/01.jsonl.gz"]
    assert [rows[0]["id"] for rows in found.values()] == [first, second]
    assert found[f"{folder}/01/31.jsonl.gz"] == [
        {
            "merchant_id": str(UUID(bytes=SHOP)),
            "id": first,
            "created_at": "2026-01-31T23:00:00.001000Z",
            "actor": "eva",
            "action": "badge_awarded",
            "subject": "customer:1",
            "outcome": "ok",
            "details": {"badge": "welcome", "n": 1},
        }
    ]


def test_an_object_carries_its_hash(database_dsn: str, archive_place: Place) -> None:
    fill(database_dsn, SHOP, ago(100))
    archive(database_dsn, archive_place)

    (key,) = keys_in(archive_place, SHOP)
    answer = client_of(archive_place).get_object(
        Bucket=archive_place.bucket, Key=key, ChecksumMode="ENABLED"
    )
    digest = hashlib.sha256(answer["Body"].read())
    assert answer["Metadata"] == {"sha256": digest.hexdigest()}
    assert [(digest.hexdigest(), "cleared")] == ask(
        database_dsn, "SELECT sha256, status FROM audit_archive"
    )


def test_a_big_day_is_several_objects(database_dsn: str, archive_place: Place) -> None:
    fill(database_dsn, SHOP, ago(100), 25)
    rows = [row[0] for row in rows_of(database_dsn, SHOP)]

    done = archive(database_dsn, archive_place, bounds=SMALL)[SHOP]

    assert (done.objects, done.rows) == (3, 25)
    assert sorted(map(len, archived(archive_place, SHOP).values())) == [5, 10, 10]
    assert sorted(archived_ids(archive_place, SHOP)) == sorted(rows)
    assert [key.rpartition("/")[2] for key in keys_in(archive_place, SHOP)] == [
        *("07-0002.jsonl.gz", "07-0003.jsonl.gz", "07.jsonl.gz"),
    ]


def test_a_part_also_ends_when_it_has_many_bytes(database_dsn: str, archive_place: Place) -> None:
    fill(database_dsn, SHOP, ago(100), 30)

    done = archive(database_dsn, archive_place, bounds=Bounds(part_bytes=1_000, read_rows=5))[SHOP]

    assert (done.objects, done.rows) == (6, 30)


def test_rows_that_turn_up_late_are_a_further_part_of_their_day(
    database_dsn: str, archive_place: Place
) -> None:
    fill(database_dsn, SHOP, ago(100), 3)
    first = ids_of(database_dsn, SHOP)
    archive(database_dsn, archive_place)
    fill(database_dsn, SHOP, ago(100.1), 2)
    late = ids_of(database_dsn, SHOP)

    archive(database_dsn, archive_place)

    assert sorted(archived_ids(archive_place, SHOP)) == sorted(first | late)


def test_rows_that_belong_to_no_merchant_are_archived_under_the_nil_uuid(
    database_dsn: str, archive_place: Place
) -> None:
    fill(database_dsn, DEFAULT_MERCHANT, ago(100), 3)
    rows = ids_of(database_dsn, DEFAULT_MERCHANT)

    archive(database_dsn, archive_place)

    assert set(archived_ids(archive_place, DEFAULT_MERCHANT)) == rows


def test_a_second_run_finds_nothing_to_do(database_dsn: str, archive_place: Place) -> None:
    fill(database_dsn, SHOP, ago(100), 3)
    archive(database_dsn, archive_place)

    assert archive(database_dsn, archive_place) == {}


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_what_was_interrupted_goes_on_and_every_row_is_archived_once(
    database_dsn: str, archive_place: Place, monkeypatch: pytest.MonkeyPatch, point: str, nth: int
) -> None:
    fill(database_dsn, SHOP, ago(100), 25)
    fill(database_dsn, SHOP, ago(99), 5)
    rows = ids_of(database_dsn, SHOP)
    crash_at(monkeypatch, archive_audit, point, nth)
    with pytest.raises(Interrupted):
        archive(database_dsn, archive_place, bounds=SMALL)
    still = ids_of(database_dsn, SHOP)
    assert rows <= still | set(archived_ids(archive_place, SHOP)), "nothing is lost in between"

    archive(database_dsn, archive_place, bounds=SMALL)

    assert ids_of(database_dsn, SHOP) == set()
    assert sorted(archived_ids(archive_place, SHOP)) == sorted(rows)
    assert ask(database_dsn, "SELECT sum(rows), min(status) FROM audit_archive") == [
        (30, "cleared")
    ]


@pytest.mark.parametrize("damage", ["other bytes", "cut off", "gone"])
def test_a_damaged_upload_is_not_trusted_and_no_row_is_deleted(
    database_dsn: str, archive_place: Place, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    fill(database_dsn, SHOP, ago(100), 12)
    rows = ids_of(database_dsn, SHOP)
    client, bucket = client_of(archive_place), archive_place.bucket

    def harm() -> None:
        (key,) = keys_in(archive_place, SHOP)
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        if damage == "gone":
            client.delete_object(Bucket=bucket, Key=key)
        else:
            wrong = body[:-1] if damage == "cut off" else body[:-1] + bytes([body[-1] ^ 1])
            client.put_object(Bucket=bucket, Key=key, Body=wrong)

    do_at(monkeypatch, "archive.after_record", harm)
    with pytest.raises(Corrupt, match="no row was deleted") as raised:
        archive(database_dsn, archive_place)
    assert f"{bucket}/audit/{UUID(bytes=SHOP)}" in str(raised.value)
    assert ids_of(database_dsn, SHOP) == rows
    monkeypatch.undo()

    archive(database_dsn, archive_place)

    assert ids_of(database_dsn, SHOP) == set()
    assert sorted(archived_ids(archive_place, SHOP)) == sorted(rows)


def test_no_further_row_is_deleted_once_its_object_was_damaged(
    database_dsn: str, archive_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database_dsn, SHOP, ago(100), 12)
    crash_at(monkeypatch, archive_audit, "archive.after_verify")
    with pytest.raises(Interrupted):
        archive(database_dsn, archive_place)
    (key,) = keys_in(archive_place, SHOP)
    client_of(archive_place).put_object(Bucket=archive_place.bucket, Key=key, Body=b"x")

    for _ in range(2):
        with pytest.raises(Corrupt, match="look at the store"):
            archive(database_dsn, archive_place)

    assert len(ids_of(database_dsn, SHOP)) == 12


def test_while_the_store_is_away_rows_stay_and_afterwards_it_goes_on(database_dsn: str) -> None:
    fill(database_dsn, SHOP, ago(100), 5)
    rows = ids_of(database_dsn, SHOP)
    with s3_server() as (url, _):
        place = make_place(url)
    port = int(url.rpartition(":")[2])

    with pytest.raises(Unavailable, match=f"archive: {place.bucket}/audit/"):
        archive(database_dsn, place)
    assert ids_of(database_dsn, SHOP) == rows

    with s3_server(port):
        archive(database_dsn, place)
        assert set(archived_ids(place, SHOP)) == rows


@pytest.mark.parametrize("point", POINTS)
def test_a_database_connection_that_breaks_is_told_and_the_next_run_goes_on(
    database_dsn: str, archive_place: Place, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    fill(database_dsn, SHOP, ago(100), 5)
    rows = ids_of(database_dsn, SHOP)
    do_at(monkeypatch, point, lambda: ask(database_dsn, END_SESSIONS))
    with pytest.raises(Unavailable, match="postgres: "):
        archive(database_dsn, archive_place)
    monkeypatch.undo()

    archive(database_dsn, archive_place)

    assert ids_of(database_dsn, SHOP) == set()
    assert sorted(archived_ids(archive_place, SHOP)) == sorted(rows)


def test_only_one_run_at_a_time(database_dsn: str, archive_place: Place) -> None:
    fill(database_dsn, SHOP, ago(100))
    with closing(EngineSession(database_dsn, "other")) as other:
        assert audit_locks.lead(other)
        with pytest.raises(Unavailable, match="another run"):
            archive(database_dsn, archive_place)

    assert archive(database_dsn, archive_place)[SHOP].rows == 1


def test_a_run_for_one_merchant_leaves_the_others_alone(
    database_dsn: str, archive_place: Place
) -> None:
    fill(database_dsn, SHOP, ago(100), 3)
    fill(database_dsn, CAFE, ago(100), 3)
    rows = ids_of(database_dsn, CAFE)

    archive(database_dsn, archive_place, SHOP)

    assert ids_of(database_dsn, SHOP) == set()
    assert ids_of(database_dsn, CAFE) == rows
    assert keys_in(archive_place, CAFE) == []
