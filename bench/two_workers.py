"""A second award worker beside the first: how much faster, and whether they wait for each other."""

import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final

import psycopg

from bench.measurement import Bench, Figures, Measurement, Row
from bench.run import fresh_run

NAME: Final = "two_workers"
RECORDS_MAX: Final = 150_000
SAMPLE_EVERY_S: Final = 0.01
APPEND_LOCK: Final = "Lock: advisory"
"""Held by everybody from the outbox's rows to the commit, so that ids are in commit order."""

WAITS: Final = """
    SELECT coalesce(wait_event_type || ': ' || wait_event, 'on a core or waiting for one')
      FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'gamification-award'
       AND state <> 'idle'
"""
DEADLOCKS: Final = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def measure(bench: Bench) -> Figures:
    records = min(bench.ground.load(bench.scale.events), RECORDS_MAX)
    one, two = (_with(bench, workers, records) for workers in (1, 2))
    return {
        "records": records,
        "cores": os.cpu_count(),
        "one": one,
        "two": two,
        "times_faster": round(two["steady_per_s"] / one["steady_per_s"], 2),
    }


def _with(bench: Bench, workers: int, records: int) -> Figures:
    """Award workers alone. The middle of the drain counts, when all have their partitions."""
    with fresh_run(bench.ground, f"workers_{workers}") as run:
        award = [run.launch("award") for _ in range(workers)]
        run.first_counted()
        meter = run.meter()
        with _samples(run.addresses.postgres_dsn) as waits:
            curve = run.drain(award, records)
        usage = meter.read()
        (deadlocks,) = run.one(DEADLOCKS)
    cpu = [usage["cpu_s"][worker.name] for worker in award]
    total = max(1, sum(waits.values()))
    on_locks = {name: seen for name, seen in waits.items() if name.startswith("Lock:")}
    return {
        "records_per_s": round(curve.whole_per_s),
        "steady_per_s": round(curve.steady_per_s),
        "busiest_has_percent": round(100 * max(cpu) / max(sum(cpu), 0.01)),
        "samples": total,
        "waits_percent": {k: round(100 * v / total, 1) for k, v in waits.most_common()},
        "append_lock_percent": round(100 * on_locks.pop(APPEND_LOCK, 0) / total, 2),
        "other_locks_percent": round(100 * sum(on_locks.values()) / total, 2),
        "deadlocks": deadlocks,
        "usage": usage,
    }


@contextmanager
def _samples(dsn: str) -> Iterator[Counter[str]]:
    """What the workers' sessions did while they had something to do."""
    waits: Counter[str] = Counter()
    over = threading.Event()

    def sample() -> None:
        with closing(psycopg.connect(dsn, autocommit=True)) as database:
            while not over.wait(SAMPLE_EVERY_S):
                waits.update(what for (what,) in database.execute(WAITS, prepare=True))

    thread = threading.Thread(target=sample, name="waits")
    thread.start()
    try:
        yield waits
    finally:
        over.set()
        thread.join()


def rows(found: Mapping[str, Any]) -> list[Row]:
    two = found["two"]
    return [
        Row(
            f"two award workers, {found['cores']} cores for all",
            f"{two['steady_per_s']:,} records/s",
            f"{found['times_faster']} x one ({found['one']['steady_per_s']:,})",
            ">= 1.7 x where cores allow",
        ),
        Row("  the busier one's share of their work", f"{two['busiest_has_percent']} %"),
        Row(
            "  their time in lock waits",
            f"{two['other_locks_percent']} %",
            f"append lock {two['append_lock_percent']} %",
            "none",
        ),
    ]


MEASUREMENT: Final = Measurement(
    name=NAME, about="two award workers against one", measure=measure, rows=rows
)
