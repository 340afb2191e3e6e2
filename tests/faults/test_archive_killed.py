"""The archiver dies by kill -9 between any two steps; the next run loses and doubles nothing."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from gamification.adapters.archive.connection import Place
from tests.archives import SECRET, SHOP, archived_ids, ask, fill, ids_of

pytestmark = [pytest.mark.servers, pytest.mark.faults]

POINTS = (
    *("archive.after_put:1", "archive.after_record:1", "archive.after_verify:1"),
    *("archive.after_delete:1", "archive.after_delete:2", "archive.after_put:2"),
)
ROWS = 6_000
"""More than one transaction deletes."""


def run(dsn: str, place: Place, kill_at: str = "") -> int:
    return subprocess.run(
        [sys.executable, "-m", "cli.archive_audit", "run", "--yes"],
        env={
            **os.environ,
            "GAMIFICATION_POSTGRES_DSN": dsn,
            "GAMIFICATION_ARCHIVE_BUCKET": place.bucket,
            "GAMIFICATION_ARCHIVE_ENDPOINT_URL": place.endpoint_url,
            "GAMIFICATION_ARCHIVE_ACCESS_KEY_ID": "tests",
            "GAMIFICATION_ARCHIVE_SECRET_ACCESS_KEY": SECRET,
            "GAMIFICATION_KILL_AT": kill_at,
        },
        capture_output=True,
        check=False,
        timeout=60,
    ).returncode


@pytest.mark.parametrize("point", POINTS)
def test_killed_there_the_next_run_archives_every_row_once(
    database_dsn: str, archive_place: Place, point: str
) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0)
    fill(database_dsn, SHOP, noon - timedelta(days=100), ROWS)
    fill(database_dsn, SHOP, noon - timedelta(days=101), 10)
    rows = ids_of(database_dsn, SHOP)

    assert run(database_dsn, archive_place, point) == -signal.SIGKILL
    assert rows <= ids_of(database_dsn, SHOP) | set(archived_ids(archive_place, SHOP))
    assert run(database_dsn, archive_place) == 0

    assert ids_of(database_dsn, SHOP) == set()
    assert sorted(archived_ids(archive_place, SHOP)) == sorted(rows)
    assert ask(database_dsn, "SELECT DISTINCT status FROM audit_archive") == [("cleared",)]
