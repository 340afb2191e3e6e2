"""The object store's client: what it trusts, how it fails, and that it never hangs."""

import hashlib
import socket
import time
from contextlib import closing
from dataclasses import replace

import pytest
from pydantic import SecretStr

from gamification.adapters.archive.connection import Missing, Place, place_of
from gamification.adapters.archive.store import Corrupt, Store, open_store
from gamification.domain.errors import Halt, Unavailable
from gamification.settings import Settings
from tests.archives import SECRET, SHOP, ago, archive, client_of, fill


def test_without_a_bucket_there_is_no_store() -> None:
    assert open_store(Settings()) is None


def test_settings_say_where_it_is() -> None:
    settings = Settings(
        archive_bucket="rows",
        archive_prefix="a/b",
        archive_cold_class="none",
        archive_secret_access_key=SecretStr(SECRET),
    )

    place = place_of(settings)

    assert place is not None
    assert (place.bucket, place.prefix, place.cold_class) == ("rows", "a/b", "")
    assert SECRET not in repr(place)


def test_bytes_of_the_right_size_but_another_hash_are_not_trusted(archive_place: Place) -> None:
    with closing(Store(archive_place)) as store:
        store.put("audit/x", b"as it was")
        there = hashlib.sha256(b"as it was").hexdigest()
        assert store.read_verified(archive_place.bucket, "audit/x", 9, there) == b"as it was"

        wanted = hashlib.sha256(b"as it is.").hexdigest()
        with pytest.raises(Corrupt, match=f"{archive_place.bucket}/audit/x"):
            store.read_verified(archive_place.bucket, "audit/x", 9, wanted)


def test_what_is_not_there_is_missing(archive_place: Place) -> None:
    with closing(Store(archive_place)) as store, pytest.raises(Missing):
        store.read_verified(archive_place.bucket, "audit/x", 1, "")


def test_deleting_what_is_not_there_is_no_failure(archive_place: Place) -> None:
    with closing(Store(archive_place)) as store:
        store.put("audit/x", b"x")
        store.delete(archive_place.bucket, ["audit/y", "audit/x"])
        store.delete(archive_place.bucket, ["audit/x"])

        assert list(store.keys(archive_place.bucket, "audit/")) == []


def test_keys_come_in_pages_also_while_they_are_deleted(
    archive_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gamification.adapters.archive.store.LIST_MAX", 2)
    with closing(Store(archive_place)) as store:
        for name in "abcde":
            store.put(f"audit/{name}", b"x")
        store.put("other/a", b"x")

        pages = []
        for keys in store.keys(archive_place.bucket, "audit/"):
            pages.append("".join(key[-1] for key in keys))
            store.delete(archive_place.bucket, keys)

    assert pages == ["ab", "cd", "e"]
    left = client_of(archive_place).list_objects_v2(Bucket=archive_place.bucket)
    assert [each["Key"] for each in left["Contents"]] == ["other/a"]


def test_a_store_that_accepts_and_never_answers_is_away(archive_place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        place = replace(archive_place, endpoint_url=url)
        with closing(Store(place, read_timeout_s=0.1)) as store:
            began = time.monotonic()
            with pytest.raises(Unavailable, match="ReadTimeoutError"):
                store.delete(place.bucket, ["a key"])
            assert time.monotonic() - began < 30


@pytest.mark.servers
def test_a_bucket_that_does_not_exist_is_our_fault_and_named_without_the_secret(
    database_dsn: str, archive_place: Place
) -> None:
    fill(database_dsn, SHOP, ago(100))
    place = replace(archive_place, bucket="nowhere-at-all")

    with pytest.raises(Halt, match=r"nowhere-at-all/audit/.*NoSuchBucket") as raised:
        archive(database_dsn, place)
    assert SECRET not in str(raised.value)


@pytest.mark.servers
def test_half_of_a_key_is_our_fault(database_dsn: str, archive_place: Place) -> None:
    place = replace(archive_place, access_key_id=SecretStr(""))

    with pytest.raises(Halt, match="one half of the key") as raised:
        archive(database_dsn, place)
    assert SECRET not in str(raised.value)
