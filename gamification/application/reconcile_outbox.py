"""Compare the outbox with what readers of Kafka see: each row once, up to the relay's position."""

from typing import Final

from gamification.application import announced, relay_admin
from gamification.application.announced import Site
from gamification.application.relay_lanes import Ends
from gamification.domain.difference import Findings

TOLD_MAX: Final = 100
"""Of one lane, row by row; the others only as a number."""


def look(
    site: Site,
    postgres_dsn: str,
    findings: Findings,
    rows_max: int,
) -> None:
    """The newest `rows_max` ids of a lane that Kafka should have. Raises Unavailable or Halt."""
    lane = site.lane
    now = relay_admin.standing(Ends(postgres_dsn, site.brokers), lane)
    if now.problem is not None:
        findings.differ("", f"relay, lane {lane.name}", now.problem, "agrees", is_derived=False)
    if now.kafka is None or now.kafka.incarnation != now.postgres.incarnation:
        return
    up_to = min(now.kafka.last_id, now.postgres.allocated)
    after = max(now.postgres.oldest_kept - 1, up_to - rows_max, 0)
    seen = announced.look(site, now.postgres.incarnation, after, up_to)
    findings.compared += len(seen.announced) + len(seen.missing)
    before = announced.look_before(site, seen.missing) if seen.missing else frozenset()
    wrong = [
        (row, f"not in {topic}", "published once")
        for row, topic in seen.missing.items()
        if row not in before
    ]
    wrong += [
        (row, f"{topic} says something else", "what the row says")
        for row, topic in seen.altered.items()
    ]
    for row, found, wanted in wrong[:TOLD_MAX]:
        findings.differ("", f"outbox row {row}", found, wanted, is_derived=False)
    findings.differing += max(0, len(wrong) - TOLD_MAX)
    for topic, times in seen.repeated.items():
        findings.differ(
            "", topic, f"{times} records that repeat a row", "each once", is_derived=False
        )
