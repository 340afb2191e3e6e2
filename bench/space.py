"""What one event leaves behind: bytes in tables, indexes, WAL, topics and Redis.

Hardly depends on what else the machine does, and tells what grows for ever, what is dropped after
a day, and what has to be sent to a replica.
"""

import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import redis

from bench.measurement import Bench, Failed, Figures, Measurement, Row
from bench.run import Run, fresh_run

NAME: Final = "space"
EVENTS_MAX: Final = 100_000
ANNOUNCED_WITHIN_S: Final = 300.0
PROJECTED_WITHIN_S: Final = 120.0
FOREVER: Final = ("processed_events", "ledger", "profiles", "customer_days", "customer_badges")
DAY: Final = ("outbox", "changes")
"""Dropped by partitions when they are a day old and everybody has seen them."""

TABLES: Final = """
    SELECT coalesce(pg_partition_root(c.oid)::regclass, c.oid::regclass)::text AS whole,
           sum(pg_table_size(c.oid))::bigint, sum(pg_indexes_size(c.oid))::bigint
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
     WHERE c.relkind = 'r'
     GROUP BY 1
"""
ROWS: Final = "SELECT count(*) FROM {}"
WAL: Final = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
IMAGES: Final = "SELECT wal_fpi, wal_records FROM pg_stat_wal"
PROJECTED: Final = "SELECT coalesce(max(id), 0) FROM changes"
KEPT_BY_REDIS: Final = "used_memory"
POSITION: Final = "position:{projection}"


def measure(bench: Bench) -> Figures:
    ground = bench.ground
    if ground.stack.folder is None:
        raise Failed("Kafka's files are in a container: GAMIFICATION_DEVSTACK=local")
    records = ground.load(min(bench.scale.events, EVENTS_MAX))
    kafka = ground.stack.folder / "kafka" / "data"
    with (
        fresh_run(ground, NAME) as run,
        closing(redis.Redis.from_url(run.addresses.redis_url)) as boards,
    ):
        memory = int(boards.info("memory")[KEPT_BY_REDIS])
        before, topics = _tables(run), _topics(kafka)
        wal = int(run.one(WAL)[0])
        award = run.launch("award")
        run.application.start("relay", "project")
        run.drain([award], records)
        run.announced_at(ANNOUNCED_WITHIN_S)
        _projected(run, boards)
        wal = int(run.one(WAL)[0]) - wal
        images, wal_records = run.one(IMAGES)
        events = int(run.one(ROWS.format("processed_events"))[0])
        customers = int(run.one(ROWS.format("profiles"))[0])
        tables = {
            name: {
                "rows_per_event": round(int(run.one(ROWS.format(name))[0]) / events, 3),
                "table_bytes_per_event": round((table - before[name][0]) / events, 1),
                "index_bytes_per_event": round((index - before[name][1]) / events, 1),
            }
            for name, (table, index) in _tables(run).items()
            if name in {*FOREVER, *DAY, "audit_logs"}
        }
        after = _topics(kafka)
        return {
            "records": records,
            "events": events,
            "customers": customers,
            "tables": tables,
            "wal_bytes_per_event": round(wal / events),
            "wal_full_page_images": images,
            "wal_records": wal_records,
            "topic_bytes_per_event": {
                name: round((size - topics.get(name, 0)) / events, 1)
                for name, size in after.items()
                if size > topics.get(name, 0) and not name.startswith("__")
            },
            "input_bytes_per_record": round(topics["points.earned"] / records, 1),
            "redis_bytes_per_customer": round(
                (int(boards.info("memory")[KEPT_BY_REDIS]) - memory) / customers
            ),
        }


def _tables(run: Run) -> dict[str, tuple[int, int]]:
    """Bytes of each table with its TOAST, and of its indexes; partitions under their whole."""
    found = run.database.execute(TABLES.encode()).fetchall()
    return {name: (int(table), int(index)) for name, table, index in found}


def _topics(folder: Path) -> dict[str, int]:
    """Bytes of each topic's segments."""
    found: defaultdict[str, int] = defaultdict(int)
    for segment in folder.glob("*/*.log"):
        found[segment.parent.name.rpartition("-")[0]] += segment.stat().st_size
    return dict(found)


def _projected(run: Run, boards: "redis.Redis") -> None:
    """Return when the boards hold every change. Raises Failed."""
    newest = int(run.one(PROJECTED)[0])
    deadline = time.monotonic() + PROJECTED_WITHIN_S
    while int(boards.hget(POSITION, "id") or 0) < newest:
        if time.monotonic() > deadline:
            raise Failed("the boards do not follow")
        time.sleep(0.1)


def rows(found: Mapping[str, Any]) -> list[Row]:
    tables = found["tables"]
    topics = found["topic_bytes_per_event"]

    def of(names: tuple[str, ...]) -> float:
        parts = ("table", "index")
        return sum(
            float(tables[name][f"{part}_bytes_per_event"]) for name in names for part in parts
        )

    each = ", ".join(
        f"{name} {of((name,)):.0f}" for name in (*FOREVER, "audit_logs", *DAY) if of((name,)) >= 1
    )
    return [
        Row(
            f"bytes of an event that stay in Postgres ({found['events']:,} events)",
            f"{of(FOREVER):,.0f}",
            f"{of(DAY):,.0f} for a day",
        ),
        Row("  by table, with indexes", each),
        Row("  WAL", f"{found['wal_bytes_per_event']:,}"),
        Row(
            "  in Kafka: input, announcements",
            f"{found['input_bytes_per_record']:g}, {sum(topics.values()):,.0f}",
        ),
        Row("  in Redis, for each customer", f"{found['redis_bytes_per_customer']:,}"),
    ]


MEASUREMENT: Final = Measurement(
    name=NAME, about="bytes that an event leaves behind", measure=measure, rows=rows, warm=False
)
