"""The limit: the rows that the drain wrote, written again by COPY alone into tables like those.

No transaction of the engine can be faster than this: no look-up, no update, no decision, and
every row once.
"""

import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from typing import IO, Any, Final

import psycopg
from psycopg import sql

from bench import drain
from bench.measurement import Bench, Figures, Measurement, Row
from bench.usage import Meter
from deploy.devstack.database import drop_database

NAME: Final = "copy_limit"
TABLES: Final = ("processed_events", "ledger", "profiles", "customer_days", "outbox")
CHUNK_BYTES: Final = 1 << 20


def measure(bench: Bench) -> Figures:
    ground = bench.ground
    before = bench.found[drain.NAME]
    server_dsn = ground.stack.addresses.postgres_dsn
    written_dsn = psycopg.conninfo.make_conninfo(server_dsn, dbname=drain.NAME)
    took: dict[str, float] = {}
    with ground.afresh(NAME) as addresses, tempfile.TemporaryFile() as kept:
        servers = ground.server_processes
        with (
            closing(psycopg.connect(written_dsn)) as source,
            closing(psycopg.connect(addresses.postgres_dsn, autocommit=True)) as target,
        ):
            target.execute("TRUNCATE outbox")  # migrating announced a rulebook
            target.execute("CHECKPOINT")
            meter = Meter(servers, whole=bool(servers))
            for table in TABLES:
                kept.seek(0)
                kept.truncate()
                _take(source, table, kept)
                kept.seek(0)
                took[table] = _put(target, table, kept)
            usage = meter.read()
    drop_database(server_dsn, drain.NAME)
    total_s = sum(took.values())
    return {
        "records_per_s": round(before["records"] / total_s),
        "events_per_s": round(before["events"] / total_s),
        "took_s": {table: round(seconds, 2) for table, seconds in took.items()},
        "drain_reaches_percent": round(100 * total_s / before["took_s"], 1),
        "usage": usage,
    }


def _take(source: psycopg.Connection[Any], table: str, kept: IO[bytes]) -> None:
    statement = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT binary)")
    with source.cursor().copy(statement.format(sql.Identifier(table))) as copy:
        for chunk in copy:
            kept.write(chunk)


def _put(target: psycopg.Connection[Any], table: str, kept: IO[bytes]) -> float:
    """Seconds until it is committed."""
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier(table))
    begun = time.monotonic()
    with target.cursor().copy(statement) as copy:
        while chunk := kept.read(CHUNK_BYTES):
            copy.write(chunk)
    return time.monotonic() - begun


def rows(found: Mapping[str, Any]) -> list[Row]:
    return [
        Row(
            "the drain's rows by COPY alone (limit)",
            f"{found['records_per_s']:,} records/s",
            f"drain reaches {found['drain_reaches_percent']} %",
            ">= 35 %",
        )
    ]


MEASUREMENT: Final = Measurement(
    name=NAME, about="the same rows by COPY alone", measure=measure, rows=rows, needs=(drain.NAME,)
)
