"""Audit rows of any age, places for them in a store, and what a reader finds in both.

The reader shares no code with the writers: boto3, gzip and json alone.
"""

import gzip
import json
import uuid
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, Final

import boto3
import psycopg
import pytest
from pydantic import SecretStr

from gamification.adapters.archive.connection import Place
from gamification.adapters.archive.store import Store
from gamification.adapters.postgres.session import EngineSession
from gamification.application.archive_audit import Archiver, Bounds, Done
from gamification.domain.ids import MerchantId

NOW: Final = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
SHOP: Final = MerchantId(b"s" * 16)
CAFE: Final = MerchantId(b"c" * 16)
SECRET: Final = "not-a-real-secret"  # noqa: S105

FILL: Final = """
    INSERT INTO audit_logs (merchant_id, actor, action, subject, outcome, details, created_at)
    SELECT %s, 'eva', 'badge_awarded', 'customer:' || n, 'ok',
           jsonb_build_object('badge', 'welcome', 'n', n), %s + n * interval '1 millisecond'
      FROM generate_series(1, %s) AS n
"""

ROWS: Final = """
    SELECT id::text, action, created_at FROM audit_logs WHERE merchant_id = %s ORDER BY created_at
"""

END_SESSIONS: Final = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name IN ('archive', 'purge')
"""


class Interrupted(Exception):
    """Stands for a crash."""


def crash_at(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, nth: int = 1) -> None:
    """Let a use case end at one of its kill points, the nth time; later times it goes on."""
    seen: list[str] = []

    def reached(point: str) -> None:
        if point == name:
            seen.append(point)
            if len(seen) == nth:
                raise Interrupted

    monkeypatch.setattr(module, "reached", reached)


def now_ms() -> int:
    return int(NOW.timestamp() * 1000)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def make_place(url: str) -> Place:
    """A new bucket, and one for the cold tier, which is not used unless said so."""
    bucket = f"audit-{uuid.uuid4().hex}"
    made = Place(
        bucket=bucket,
        endpoint_url=url,
        access_key_id=SecretStr("tests"),
        secret_access_key=SecretStr(SECRET),
        cold_class="GLACIER",
    )
    client = client_of(made)
    client.create_bucket(Bucket=bucket)
    client.create_bucket(Bucket=cold_bucket_of(made))
    return made


def cold_bucket_of(place: Place) -> str:
    return f"{place.bucket}-cold"


def with_cold_bucket(place: Place) -> Place:
    return replace(place, cold_bucket=cold_bucket_of(place))


def client_of(place: Place) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=place.endpoint_url,
        region_name=place.region,
        aws_access_key_id="tests",
        aws_secret_access_key=SECRET,
    )


def archive(
    dsn: str,
    place: Place,
    merchant: MerchantId | None = None,
    bounds: Bounds | None = None,
    now: datetime = NOW,
) -> dict[MerchantId, Done]:
    """One run of the archiver; what it did, for those for whom it did something."""
    with closing(EngineSession(dsn, "archive")) as session, closing(Store(place)) as store:
        runner = Archiver(session, store, lambda: int(now.timestamp() * 1000), bounds)
        done = list(runner.run(merchant))
    return {each.merchant_id: each for each in done if each != Done(each.merchant_id)}


def fill(dsn: str, merchant: MerchantId, at: datetime, count: int = 1) -> None:
    """Audit rows a millisecond apart, from a moment on."""
    with psycopg.connect(dsn, autocommit=True) as database:
        database.execute(FILL, (uuid.UUID(bytes=merchant), at, count))


def keep(dsn: str, merchant: MerchantId, *, days: int = 90, months: int = 12) -> None:
    with psycopg.connect(dsn, autocommit=True) as database:
        database.execute(
            "INSERT INTO merchants (merchant_id, audit_retention_days, audit_keep_months)"
            " VALUES (%s, %s, %s)",
            (uuid.UUID(bytes=merchant), days, months),
        )


def rows_of(dsn: str, merchant: MerchantId) -> list[tuple[str, str, datetime]]:
    """Id, action and time of each audit row in Postgres."""
    with psycopg.connect(dsn, autocommit=True) as database:
        database.execute("SET timezone = 'UTC'")
        return database.execute(ROWS, (uuid.UUID(bytes=merchant),)).fetchall()


def ids_of(dsn: str, merchant: MerchantId) -> set[str]:
    return {row[0] for row in rows_of(dsn, merchant)}


def archived(place: Place, merchant: MerchantId, bucket: str = "") -> dict[str, list[Any]]:
    """Every object of one merchant, and its lines."""
    client = client_of(place)
    where = bucket or place.bucket
    return {
        key: [
            json.loads(line)
            for line in gzip.decompress(
                client.get_object(Bucket=where, Key=key)["Body"].read()
            ).splitlines()
        ]
        for key in keys_in(place, merchant, where)
    }


def archived_ids(place: Place, merchant: MerchantId) -> list[str]:
    """Of every archived row, as often as it is there."""
    return [row["id"] for rows in archived(place, merchant).values() for row in rows]


def keys_in(place: Place, merchant: MerchantId, bucket: str = "") -> list[str]:
    found = client_of(place).list_objects_v2(
        Bucket=bucket or place.bucket, Prefix=f"{place.prefix}/{uuid.UUID(bytes=merchant)}/"
    )
    return [each["Key"] for each in found.get("Contents", [])]


def ask(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as database:
        return database.execute(query.encode()).fetchall()
