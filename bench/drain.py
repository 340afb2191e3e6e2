"""How fast a full topic becomes awards: from the first fetch until all is counted and announced."""

from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import TopicPartition

from bench.ground import Ground, Places
from bench.measurement import Bench, Failed, Figures, Measurement, Row
from bench.run import Run, fresh_run

NAME: Final = "drain"
ALONE_RECORDS_MAX: Final = 200_000
READ_WITHIN_S: Final = 10
READ_MORE_S: Final = 0.2
READ_AT_ONCE: Final = 10_000

LEDGER: Final = """
    SELECT count(*), count(*) FILTER (WHERE exp <> 0), count(*) FILTER (WHERE coins <> 0)
      FROM ledger
"""
ROWS: Final = """
    SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM processed_events),
           (SELECT count(*) FROM profiles), (SELECT count(*) FROM customer_days)
"""
SHARES: Final = """
    SELECT t.name, count(*) FROM outbox o JOIN topics t ON t.code = o.topic GROUP BY 1 ORDER BY 1
"""


def measure(bench: Bench) -> Figures:
    records = bench.ground.load(bench.scale.events)
    return {**_whole(bench, records), "award_alone": _alone(bench.ground, records)}


def _whole(bench: Bench, records: int) -> Figures:
    ground = bench.ground
    ends = ground.ends()
    # Kept: copy_limit writes the same rows again.
    with fresh_run(ground, NAME, keep=True) as run:
        others = run.application.start("relay", "project")
        award = run.launch("award")
        run.first_counted()
        meter = run.meter()
        curve = run.drain([award], records)
        announced_at = run.announced_at()
        usage = meter.read()
        took_s = announced_at - curve.assigned_at
        written = _written(run)
        _see_all(ground, ends, written["outbox_rows"])
        accepted = written["events"]
        cpu: dict[str, float] = usage["cpu_s"]
        return {
            "records": records,
            "events": accepted,
            "took_s": round(took_s, 2),
            "records_per_s": round(records / took_s),
            "events_per_s": round(accepted / took_s),
            "counted_per_s": round(curve.whole_per_s),
            "announced_after_last_commit_s": round(announced_at - curve.committed_at, 2),
            "outbox_rows_per_record": round(written["outbox_rows"] / records, 2),
            "ledger_amounts_per_record": round(written["ledger_amounts"] / records, 2),
            "outbox_rows_per_event": round(written["outbox_rows"] / accepted, 2),
            "ledger_amounts_per_event": round(written["ledger_amounts"] / accepted, 2),
            "written": written,
            "usage": usage,
            "cpu_us_per_record": {k: round(v / records * 1e6, 1) for k, v in cpu.items()},
            "memory_mib": run.memory(),
            "processes": [award.name, *(each.name for each in others)],
        }


def _alone(ground: Ground, records: int) -> Figures:
    """Only the award worker: what is left when nobody else wants the cores."""
    wanted = min(records, ALONE_RECORDS_MAX)
    with fresh_run(ground, "award_alone") as run:
        award = run.launch("award")
        run.first_counted()
        meter = run.meter()
        curve = run.drain([award], wanted)
        return {
            "records": wanted,
            "records_per_s": round(curve.whole_per_s),
            "steady_per_s": round(curve.steady_per_s),
            "usage": meter.read(),
        }


def _written(run: Run) -> dict[str, Any]:
    entries, exp, coins = run.one(LEDGER)
    outbox, events, profiles, days = run.one(ROWS)
    return {
        "events": events,
        "ledger_rows": entries,
        "exp_amounts": exp,
        "coin_amounts": coins,
        "ledger_amounts": exp + coins,
        "outbox_rows": outbox,
        "profiles": profiles,
        "customer_days": days,
        "announced": dict(run.database.execute(SHARES).fetchall()),
    }


def _see_all(ground: Ground, before: Places, wanted: int) -> None:
    """Raises Failed unless a reader of committed records finds exactly the outbox's rows."""
    seen = 0
    with ground.reader() as consumer:
        consumer.assign([TopicPartition(*place, offset) for place, offset in before.items()])
        while seen < wanted and (first := consumer.poll(READ_WITHIN_S)) is not None:
            more = consumer.consume(READ_AT_ONCE, timeout=READ_MORE_S)
            seen += sum(1 for message in (first, *more) if message.error() is None)
        if consumer.poll(READ_MORE_S) is not None:
            raise Failed(f"a reader found more than the {wanted} rows of the outbox")
    if seen != wanted:
        raise Failed(f"a reader found {seen} announcements, the outbox holds {wanted}")


def rows(found: Mapping[str, Any]) -> list[Row]:
    alone = found["award_alone"]
    return [
        Row(
            f"drain of {found['records']:,} records, counted and announced",
            f"{found['records_per_s']:,} records/s",
            target=">= 15,000; aim 20,000",
        ),
        Row("  of which the last commit was at", f"{found['counted_per_s']:,} records/s"),
        Row("  award worker alone", f"{alone['records_per_s']:,} records/s"),
        Row(
            "  outbox rows / ledger amounts per record",
            f"{found['outbox_rows_per_record']} / {found['ledger_amounts_per_record']}",
            target=">= 1 / 1.5",
        ),
    ]


MEASUREMENT: Final = Measurement(
    name=NAME, about="a full topic, by the whole engine", measure=measure, rows=rows
)
