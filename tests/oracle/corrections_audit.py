"""Invariants 2 and 3 for corrections: each that was made is one entry, and was told once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg

from tests.oracle import postgres_rows as sql
from tests.oracle.model import Corrections
from tests.oracle.report import Invariant, Report, shown

Said = Mapping[str, Any]


def compare_corrections(
    database: psycopg.Connection, corrections: Corrections, report: Report
) -> None:
    """Entries with a key are those that were asked for; a reversal is an opposite."""
    want: dict[object, object] = {
        (*person, each.key): (each.exp, each.coins, True)
        for person, made in corrections.items()
        for each in made
    }
    got: dict[object, object] = {row[:3]: row[3:6] for row in sql.rows(database, sql.CORRECTIONS)}
    report.same(Invariant.AWARDS, "corrections", want, got)
    for row in sql.rows(database, sql.REVERSED):
        report.differ(Invariant.LEDGER, f"entries: {shown(row)} is not what its opposite says")


def compare_told(
    told: Mapping[str, Sequence[Said]], corrections: Corrections, report: Report
) -> None:
    """Each has an audit entry and an invalidation of the customer's totals."""
    want: Counter[object] = Counter()
    for (merchant, customer), made in corrections.items():
        want[str(UUID(bytes=merchant)), str(UUID(bytes=customer))] += len(made)
    audited: Counter[object] = Counter(
        (said["merchant_id"], said["subject"].removeprefix("customer:"))
        for said in told.get("audit_log", ())
        if said["action"].startswith("correction.")
    )
    report.same(Invariant.TOPICS, "audit of corrections", dict(+want), dict(audited))
    dropped: Counter[object] = Counter(
        tuple(said["key"].split(":")[1:])
        for said in told.get("cache.invalidate", ())
        if said["type"] == "profile"
    )
    report.same(Invariant.TOPICS, "invalidations of profiles", dict(+want), dict(dropped))
