"""Judges Redis, and how far what it shows is behind Postgres."""

from collections.abc import Iterator
from typing import Final

from gamification.adapters.redis.facts import NodeFacts
from gamification.application.doctor.finding import Finding, State, seconds
from gamification.application.doctor.postgres import clock

MEMORY_HIGH: Final = 0.8
MEMORY_FULL: Final = 0.95
BEHIND_SLOW_S: Final = 5.0
BEHIND_STUCK_S: Final = 60.0
MIB: Final = 1024 * 1024
POLICY: Final = "noeviction"


def node(facts: NodeFacts) -> Iterator[Finding]:
    """One server; of a cluster, one of its primaries."""
    name = f"redis {facts.name}".strip()
    if facts.role == "master":
        yield Finding(name, State.OK, f"answers, {facts.version}, a primary")
    else:
        yield Finding(
            name,
            State.WRONG,
            f"{facts.version}, a {facts.role}: read only",
            "point GAMIFICATION_REDIS_HOST at the primary",
        )
    yield policy(f"{name} policy", facts)
    yield memory(f"{name} memory", facts)
    yield clock(f"{name} clock", facts.ahead_s)


def policy(check: str, facts: NodeFacts) -> Finding:
    seen = f"maxmemory-policy {facts.policy}"
    if facts.policy == POLICY:
        return Finding(check, State.OK, seen)
    return Finding(
        check,
        State.WRONG,
        f"{seen}: Redis may forget revoked tokens and scores",
        f"CONFIG SET maxmemory-policy {POLICY}, and in its configuration",
    )


def memory(check: str, facts: NodeFacts) -> Finding:
    used = f"{facts.used_bytes / MIB:,.0f} MiB"
    if not facts.bytes_max:
        return Finding(check, State.OK, f"{used} used, no limit")
    share = facts.used_bytes / facts.bytes_max
    seen = f"{used} of {facts.bytes_max / MIB:,.0f} MiB"
    if share < MEMORY_HIGH:
        return Finding(check, State.OK, seen)
    state = State.WRONG if share >= MEMORY_FULL else State.WARNING
    return Finding(check, state, seen, "raise maxmemory; redis-cli --bigkeys shows what is large")


def projection(waiting: int | None, oldest_s: float, *, is_led: bool) -> Finding:
    """How far the leaderboards are behind; `waiting` None: Redis knows of none."""
    check = "projection"
    if waiting is None:
        seen, state = "Redis knows no leaderboards of this database", State.WARNING
    else:
        seen = f"{waiting:,} changes wait, the oldest for {seconds(oldest_s)}"
        state = State.OK
        if oldest_s >= BEHIND_SLOW_S:
            state = State.WRONG if oldest_s >= BEHIND_STUCK_S else State.WARNING
    if not is_led:
        state = State.WRONG if waiting else State.WARNING
        return Finding(
            check,
            state,
            f"{seen}; no projection is connected",
            "start python -m consumers.project, or see why it ended",
        )
    if state == State.OK:
        return Finding(check, state, seen)
    return Finding(check, state, seen, "look in the log of project for unavailable, and again soon")
