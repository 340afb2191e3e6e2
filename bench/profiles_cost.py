"""What an event costs when there are many customers, against few.

Both databases are filled with customers who were active before: copies of one whom the engine
itself made, with a profile, a day, a ledger entry and a processed event each. Then the same
events come, from customers all over the database.
"""

import time
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, Final

from psycopg import sql

from bench.ground import Ground
from bench.measurement import Bench, Figures, Measurement, Row
from bench.points import CUSTOMER_SQL, TOPIC, customer_text, points
from bench.run import Run, fresh_run
from bench.usage import cpu_s
from bench.workload import Delivery, publish

NAME: Final = "profiles_cost"
FEW: Final = 10_000
RECORDS: Final = 60_000
AMOUNT: Final = 10
MODEL: Final = -1
"""Number of the customer who is copied; its events are worth MODEL_AMOUNT points each."""
MODEL_AMOUNT: Final = 120
MODEL_EVENTS: Final = 5
"""600 EXP: far enough from the next level that the measured events reach none."""
FILL_WITHIN_MS: Final = 1_800_000
DAY_MS: Final = 86_400_000

COPIED: Final = {
    "profiles": "true",
    "customer_days": "true",
    "ledger": "entry = (SELECT max(entry) FROM ledger)",
}
"""Which of the model's rows every customer gets."""
COLUMNS: Final = """
    SELECT column_name FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name = %s AND column_name <> 'customer_id'
     ORDER BY ordinal_position
"""
COPY_MODEL: Final = """
    INSERT INTO {table} (customer_id, {columns})
    SELECT made.id, {columns}
      FROM (SELECT {customer} AS id FROM generate_series(0, {last}) AS n ORDER BY 1) AS made,
           (SELECT {columns} FROM {table} WHERE {which}) AS model
"""
COUNT_EVENTS: Final = """
    INSERT INTO processed_events (merchant_id, event_id, content_hash, kind)
    SELECT merchant_id, md5('before ' || n)::uuid, content_hash, kind
      FROM (SELECT * FROM processed_events LIMIT 1) AS model, generate_series(0, {last}) AS n
     ORDER BY 2
"""
ACTIVITY: Final = """
    SELECT blks_read, blks_hit, (SELECT wal_bytes::bigint FROM pg_stat_wal),
           pg_database_size(current_database())
      FROM pg_stat_database WHERE datname = current_database()
"""


def measure(bench: Bench) -> Figures:
    few, many = (_with(bench.ground, size) for size in (FEW, bench.scale.profiles))
    ratios = {
        name: round(many[name] / few[name], 2)
        for name in ("cpu_us_per_event", "wall_us_per_event")
        if few[name]
    }
    return {
        "few": few,
        "many": many,
        "ratio": ratios,
        "is_target_size": bench.scale.profiles >= bench.scale.target_profiles,
    }


def _with(ground: Ground, profiles: int) -> Figures:
    # Noon, so that nobody's day ends while we measure.
    occurred_ms = int(time.time() * 1000) // DAY_MS * DAY_MS - DAY_MS // 2
    ground.empty_topic()
    with fresh_run(ground, f"profiles_{profiles}") as run:
        publish(_model_events(occurred_ms), ground.kafka, ground.schemas)
        award = run.launch("award")
        run.drain([award], MODEL_EVENTS)
        award.stop()
        filled_s = _fill(run, profiles)
        publish(_events(profiles, occurred_ms), ground.kafka, ground.schemas)
        before = run.one(ACTIVITY)
        award.launch()
        run.first_counted(after=MODEL_EVENTS)
        meter = run.meter()
        backends = run.backends("gamification-award")
        begun_s = sum(map(cpu_s, backends))
        curve = run.drain([award], MODEL_EVENTS + RECORDS)
        usage = meter.read()
        server_s = sum(map(cpu_s, backends)) - begun_s
        time.sleep(1.2)  # Postgres publishes a session's figures once a second
        after = run.one(ACTIVITY)
        (cache,) = run.one("SHOW shared_buffers")
    first, last = curve.looks[0], curve.looks[-1]
    events = last.counted - first.counted
    client_s = usage["cpu_s"][award.name]
    took_s = last.at - first.at
    return {
        "profiles": profiles,
        "events": events,
        "filled_s": round(filled_s, 1),
        "database_mib": round(after[3] / 2**20),
        "shared_buffers": cache,
        "wall_us_per_event": round(took_s / events * 1e6, 1),
        "worker_cpu_us_per_event": round(client_s / events * 1e6, 1),
        "backend_cpu_us_per_event": round(server_s / events * 1e6, 1),
        "cpu_us_per_event": round((client_s + server_s) / events * 1e6, 1),
        "blocks_read_per_event": round((after[0] - before[0]) / events, 2),
        "wal_bytes_per_event": round((after[2] - before[2]) / events),
        "usage": usage,
    }


def _fill(run: Run, profiles: int) -> float:
    """Seconds it took. Afterwards nothing is left to vacuum or to write out."""
    begun = time.monotonic()
    last = sql.Literal(profiles - 1)
    run.database.execute(sql.SQL("SET statement_timeout = {}").format(FILL_WITHIN_MS))
    run.database.execute("SET maintenance_work_mem = '256MB'; SET work_mem = '256MB'")
    for table, which in COPIED.items():
        names = [sql.Identifier(name) for (name,) in run.database.execute(COLUMNS, (table,))]
        run.database.execute(
            sql.SQL(COPY_MODEL).format(
                table=sql.Identifier(table),
                columns=sql.SQL(", ").join(names),
                customer=sql.SQL(CUSTOMER_SQL),
                last=last,
                which=sql.SQL(which),
            )
        )
    run.database.execute(sql.SQL(COUNT_EVENTS).format(last=last))
    run.database.execute("VACUUM ANALYZE")
    run.database.execute("CHECKPOINT")
    return time.monotonic() - begun


def _model_events(occurred_ms: int) -> Iterator[Delivery]:
    for number in range(MODEL_EVENTS):
        yield _delivery(f"model {number}", MODEL, MODEL_AMOUNT, occurred_ms)


def _events(profiles: int, occurred_ms: int) -> Iterator[Delivery]:
    random = Random(profiles)
    for number in range(RECORDS):
        yield _delivery(f"{number}", random.randrange(profiles), AMOUNT, occurred_ms)


def _delivery(event: str, customer: int, amount: int, occurred_ms: int) -> Delivery:
    text = customer_text(customer)
    datum = points(event, text, amount, occurred_ms)
    return Delivery(TOPIC, text.encode(), TOPIC, datum, int(time.time() * 1000), (), None, None)


def rows(found: Mapping[str, Any]) -> list[Row]:
    many, few = found["many"], found["few"]
    note = "" if found["is_target_size"] else " (--full: 5,000,000)"
    return [
        Row(
            f"CPU of an event, {many['profiles']:,} profiles{note}",
            f"{many['cpu_us_per_event']} us, cache {many['shared_buffers']}"
            f" of {many['database_mib']:,} MiB",
            f"{found['ratio'].get('cpu_us_per_event')} x {few['profiles']:,}"
            f" ({few['cpu_us_per_event']} us)",
            "<= 2.5 x",
        ),
        Row(
            "  wall time of an event",
            f"{many['wall_us_per_event']} us",
            f"{found['ratio'].get('wall_us_per_event')} x",
        ),
    ]


MEASUREMENT: Final = Measurement(
    name=NAME, about="an event's cost with many customers", measure=measure, rows=rows
)
