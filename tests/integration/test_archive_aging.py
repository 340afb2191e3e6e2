"""Archived audit rows grow older: to the cold tier, and at last away."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gamification.adapters.archive.connection import Place
from gamification.application import archive_audit
from tests.archives import (
    CAFE,
    SHOP,
    Interrupted,
    ago,
    archive,
    archived,
    ask,
    client_of,
    cold_bucket_of,
    crash_at,
    fill,
    ids_of,
    keep,
    keys_in,
    rows_of,
    with_cold_bucket,
)

pytestmark = pytest.mark.servers


def test_objects_of_rows_older_than_180_days_get_a_colder_class(
    database_dsn: str, archive_place: Place
) -> None:
    fill(database_dsn, SHOP, ago(181))
    fill(database_dsn, SHOP, ago(180))
    (old, young) = [row[2].strftime("%m/%d") for row in rows_of(database_dsn, SHOP)]

    done = archive(database_dsn, archive_place)[SHOP]

    listed = client_of(archive_place).list_objects_v2(Bucket=archive_place.bucket)["Contents"]
    classes = {each["Key"][-14:-9]: each["StorageClass"] for each in listed}
    assert classes == {old: "GLACIER", young: "STANDARD"}
    assert done.made_cold == 1
    assert archive(database_dsn, archive_place) == {}


def test_without_classes_the_cold_tier_is_a_second_bucket(
    database_dsn: str, archive_place: Place
) -> None:
    place = with_cold_bucket(archive_place)
    fill(database_dsn, SHOP, ago(200), 5)
    rows = ids_of(database_dsn, SHOP)

    archive(database_dsn, place)

    (found,) = archived(place, SHOP, cold_bucket_of(place)).values()
    assert {row["id"] for row in found} == rows
    assert keys_in(place, SHOP) == []


def test_a_store_that_has_no_cold_tier_keeps_objects_where_they_are(
    database_dsn: str, archive_place: Place
) -> None:
    place = replace(archive_place, cold_class="")
    fill(database_dsn, SHOP, ago(200))

    assert archive(database_dsn, place)[SHOP].made_cold == 0
    assert len(keys_in(place, SHOP)) == 1


@pytest.mark.parametrize("second_bucket", [False, True])
def test_making_cold_goes_on_after_a_crash(
    database_dsn: str,
    archive_place: Place,
    monkeypatch: pytest.MonkeyPatch,
    *,
    second_bucket: bool,
) -> None:
    place = with_cold_bucket(archive_place) if second_bucket else archive_place
    fill(database_dsn, SHOP, ago(200))
    fill(database_dsn, SHOP, ago(201))
    crash_at(monkeypatch, archive_audit, "archive.after_cool")
    with pytest.raises(Interrupted):
        archive(database_dsn, place)

    assert archive(database_dsn, place)[SHOP].made_cold == 2
    where = cold_bucket_of(place) if second_bucket else place.bucket
    assert len(keys_in(place, SHOP, where)) == 2
    assert ask(database_dsn, "SELECT DISTINCT bucket, cold FROM audit_archive") == [
        (where, where if second_bucket else "GLACIER")
    ]


@pytest.mark.parametrize("second_bucket", [False, True])
def test_objects_are_deleted_when_the_merchant_no_longer_wants_them(
    database_dsn: str,
    archive_place: Place,
    monkeypatch: pytest.MonkeyPatch,
    *,
    second_bucket: bool,
) -> None:
    place = with_cold_bucket(archive_place) if second_bucket else archive_place
    keep(database_dsn, CAFE, months=24)
    for merchant in (SHOP, CAFE):
        fill(database_dsn, merchant, datetime(2025, 6, 14, 23, tzinfo=UTC))
        fill(database_dsn, merchant, datetime(2025, 6, 15, 0, tzinfo=UTC))
    crash_at(
        monkeypatch, archive_audit, "archive.after_expire", 2
    )  # the owner of the default is the first
    with pytest.raises(Interrupted):
        archive(database_dsn, place)
    monkeypatch.undo()
    archive(database_dsn, place)

    where = cold_bucket_of(place) if second_bucket else place.bucket
    assert [key[-19:] for key in keys_in(place, SHOP, where)] == ["2025/06/15.jsonl.gz"]
    assert len(keys_in(place, CAFE, where)) == 2
    assert ask(database_dsn, "SELECT count(*) FROM audit_archive") == [(3,)]
