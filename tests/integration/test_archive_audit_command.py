"""`python -m cli.archive_audit` and the settings of merchants that it goes by."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gamification.adapters.archive.connection import Place
from tests.archives import CAFE, SECRET, SHOP, ask, fill, ids_of, keys_in

pytestmark = pytest.mark.servers

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def days_ago(days: int) -> datetime:
    return TODAY - timedelta(days=days)


def environment(dsn: str, place: Place | None) -> dict[str, str]:
    store = {}
    if place is not None:
        store = {
            "GAMIFICATION_ARCHIVE_BUCKET": place.bucket,
            "GAMIFICATION_ARCHIVE_ENDPOINT_URL": place.endpoint_url,
            "GAMIFICATION_ARCHIVE_ACCESS_KEY_ID": "tests",
            "GAMIFICATION_ARCHIVE_SECRET_ACCESS_KEY": SECRET,
        }
    return {**os.environ, **store, "GAMIFICATION_POSTGRES_DSN": dsn}


def command(
    dsn: str, place: Place | None, *words: str, name: str = "archive_audit"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"cli.{name}", *words],
        env=environment(dsn, place),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_yes_it_only_lists(database_dsn: str, archive_place: Place) -> None:
    fill(database_dsn, SHOP, days_ago(100), 3)

    done = command(database_dsn, archive_place, "run", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[-1] == {
        "merchant_id": str(UUID(bytes=SHOP)),
        "rows_to_archive": 3,
        "objects_to_finish": 0,
        "objects_to_make_cold": 0,
        "objects_to_delete": 0,
    }
    assert len(ids_of(database_dsn, SHOP)) == 3
    assert keys_in(archive_place, SHOP) == []


def test_with_yes_it_archives_and_says_what(database_dsn: str, archive_place: Place) -> None:
    fill(database_dsn, SHOP, days_ago(100), 3)
    fill(database_dsn, CAFE, days_ago(100), 3)

    one = str(UUID(bytes=SHOP))
    done = command(database_dsn, archive_place, "run", "--yes", "--json", "--merchant-id", one)

    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["merchant_id"], row["rows_archived"], row["objects_written"]) == (one, 3, 1)
    assert ids_of(database_dsn, SHOP) == set()
    assert len(ids_of(database_dsn, CAFE)) == 3


def test_a_pipe_gets_plain_lines(database_dsn: str, archive_place: Place) -> None:
    fill(database_dsn, SHOP, days_ago(100), 3)

    done = command(database_dsn, archive_place, "run", "--yes")

    assert done.stdout.splitlines()[-1].split("\t") == [
        *(str(UUID(bytes=SHOP)), "3", "1", "0", "0", "no"),
    ]


def test_the_status_finds_rows_that_nobody_archives(
    database_dsn: str, archive_place: Place
) -> None:
    fill(database_dsn, SHOP, days_ago(92))
    young = command(database_dsn, archive_place, "status")
    fill(database_dsn, SHOP, days_ago(95))
    late = command(database_dsn, archive_place, "status", "--json")
    command(database_dsn, archive_place, "run", "--yes")
    after = command(database_dsn, archive_place, "status", "--json")

    assert (young.returncode, late.returncode, after.returncode) == (0, 1, 0)
    assert "days ago" in json.loads(late.stdout)[-1]["problem"]
    row = json.loads(after.stdout)[-1]
    assert (row["objects"], row["rows_archived"], row["problem"]) == (2, 2, "none")


def test_without_a_bucket_it_says_that_archiving_is_off(database_dsn: str) -> None:
    status = command(database_dsn, None, "status")
    run = command(database_dsn, None, "run", "--yes")

    assert (status.returncode, run.returncode) == (0, 2)
    assert "archiving is off" in status.stderr
    assert "archiving is off" in run.stderr


def test_a_dependency_that_is_away_is_told(archive_place: Place) -> None:
    away = command("postgresql://127.0.0.1:1/none", archive_place, "status")

    assert away.returncode == 3
    assert away.stderr.startswith("unavailable: ")


def test_what_is_no_merchant_is_refused(database_dsn: str) -> None:
    assert command(database_dsn, None, "run", "--merchant-id", "me").returncode == 2


def test_a_merchant_is_told_how_long_to_keep_its_audit_rows(database_dsn: str) -> None:
    one = str(UUID(bytes=SHOP))

    def put(*options: str) -> int:
        return command(
            database_dsn, None, "put", "--merchant-id", one, *options, name="merchants"
        ).returncode

    assert put("--yes") == 0
    assert put("--audit-retention-days", "120", "--yes") == 0
    assert put("--audit-keep-months", "24", "--yes") == 0
    assert put("--audit-retention-days", "89", "--yes") == 2
    assert put("--audit-retention-days", "181", "--yes") == 2
    assert put("--audit-keep-months", "11", "--yes") == 2

    listed = command(database_dsn, None, "list", "--json", name="merchants")
    (row,) = json.loads(listed.stdout)
    assert (row["audit_retention_days"], row["audit_keep_months"]) == (120, 24)
    assert ask(database_dsn, "SELECT default_locale FROM merchants") == [("en",)]
