"""Invariant 3, too: each badge has one audit entry, and the topic says what the table says.

Of a merchant whose audit log was never purged.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from tests.oracle.postgres_rows import AuditRow, BadgeRow
from tests.oracle.report import Invariant, Report

TOPICS = Invariant.TOPICS
AWARD: Final = "badge.award"


def compare_audit(
    told: Mapping[str, Sequence[dict[str, Any]]],
    badges: Iterable[BadgeRow],
    audited: Iterable[AuditRow],
    report: Report,
) -> None:
    """Badges, rows and records are one to one; rows and records say the same."""
    held: Counter[object] = Counter(
        (str(UUID(bytes=row.merchant)), f"customer:{UUID(bytes=row.customer)}", str(row.badge))
        for row in badges
    )
    rows = list(audited)
    of_badges: Counter[object] = Counter(
        (row.merchant, row.subject, row.details.get("badge")) for row in rows if row.action == AWARD
    )
    report.same(TOPICS, "audit of badges", held, of_badges)
    stands: dict[object, object] = {
        str(UUID(bytes=row.id)): (*row[1:6], tuple(sorted(row.details.items()))) for row in rows
    }
    said: dict[object, object] = {
        one["event_id"]: (
            *(one[name] for name in ("merchant_id", "actor", "action", "subject", "outcome")),
            tuple(sorted(one["details"].items())),
        )
        for one in told.get("audit_log", ())
    }
    report.same(TOPICS, "audit_log", stands, said)
