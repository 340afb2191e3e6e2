"""Judges what Postgres says of itself and of what waits in it."""

from collections.abc import Iterator, Sequence
from typing import Final

from gamification.adapters.postgres.facts import LaneFacts, PartitionFacts, ServerFacts
from gamification.application.doctor.finding import Finding, State, named, seconds

CLOCK_OFF_MAX_S: Final = 1.0
FREE_CONNECTIONS_LOW: Final = 0.1
FREE_CONNECTIONS_LEAST: Final = 3
OUTBOX_SLOW_S: Final = 5.0
OUTBOX_STUCK_S: Final = 60.0
LOSES: Final = "commits may be lost with a crash, and then announcements are wrong"


def server(facts: ServerFacts) -> Iterator[Finding]:
    """What the server itself is like."""
    if facts.is_standby:
        yield Finding(
            "postgres",
            State.WRONG,
            f"{facts.version}, a standby: read only",
            "point GAMIFICATION_POSTGRES_DSN at the primary, or promote this one",
        )
    else:
        yield Finding("postgres", State.OK, f"answers, {facts.version}")
    yield durability(facts)
    yield connections(facts)
    yield clock("postgres clock", facts.ahead_s)


def durability(facts: ServerFacts) -> Finding:
    check = "postgres durability"
    off = [
        name
        for name, value in (
            ("fsync", facts.fsync),
            ("synchronous_commit", facts.synchronous_commit),
            ("full_page_writes", facts.full_page_writes),
        )
        if value == "off"
    ]
    if off:
        advice = f"{LOSES}: set {', '.join(f'{name} = on' for name in off)} and reload"
        return Finding(check, State.WRONG, f"{', '.join(off)} off", advice)
    seen = f"fsync on, synchronous_commit {facts.synchronous_commit}"
    return Finding(check, State.OK, seen)


def connections(facts: ServerFacts) -> Finding:
    check = "postgres connections"
    free = facts.connections_max - facts.connections
    seen = f"{free} of {facts.connections_max} free"
    if free <= FREE_CONNECTIONS_LEAST:
        state = State.WRONG
    elif free < facts.connections_max * FREE_CONNECTIONS_LOW:
        state = State.WARNING
    else:
        return Finding(check, State.OK, seen)
    advice = "see who holds them (pg_stat_activity, by application_name); raise max_connections"
    return Finding(check, state, seen, advice)


def clock(check: str, ahead_s: float) -> Finding:
    """By how much a server's clock is ahead of this machine's."""
    if abs(ahead_s) <= CLOCK_OFF_MAX_S:
        return Finding(check, State.OK, f"{abs(ahead_s):.2f} s off this machine's")
    side = "ahead of" if ahead_s > 0 else "behind"
    return Finding(
        check,
        State.WARNING,
        f"{abs(ahead_s):.1f} s {side} this machine's",
        "find out which one is wrong (chronyc tracking, timedatectl) and set it right",
    )


def migrations(lacking: Sequence[str]) -> Finding:
    check = "postgres migrations"
    if not lacking:
        return Finding(check, State.OK, "all are applied")
    return Finding(check, State.WRONG, f"missing: {named(lacking)}", "python -m cli.migrate")


def outbox(facts: LaneFacts) -> Finding:
    """One lane of the relay, by what waits for it in Postgres."""
    check = f"outbox {facts.lane}"
    seen = f"{facts.waiting:,} rows wait, the oldest for {seconds(facts.oldest_s)}"
    if not facts.is_led:
        state = State.WRONG if facts.waiting else State.WARNING
        return Finding(
            check,
            state,
            f"{seen}; no relay is connected",
            "start python -m consumers.relay, or see why it ended (exit code, last log line)",
        )
    if facts.oldest_s < OUTBOX_SLOW_S:
        return Finding(check, State.OK, seen)
    state = State.WRONG if facts.oldest_s >= OUTBOX_STUCK_S else State.WARNING
    advice = "python -m cli.relay show; look in the relay's log for unavailable, and at Kafka"
    return Finding(check, state, seen, advice)


def partitions(facts: PartitionFacts) -> Finding:
    """Whether inserts will find a partition."""
    check = f"partitions {facts.table}"
    seen = f"{facts.ahead} of {facts.wanted} ahead"
    if facts.ahead >= facts.wanted:
        return Finding(check, State.OK, seen)
    # Of few that are wanted, one less is what there is between two looks of who makes them.
    state = State.WRONG if facts.ahead <= 0 else State.WARNING
    advice = f"{facts.maker} makes them: see that it runs, and its log"
    return Finding(check, state, seen, advice)


def letters(parked: int) -> Finding:
    check = "dead letters"
    if not parked:
        return Finding(check, State.OK, "none parked")
    advice = "python -m cli.reprocess_dlq list; remove the cause, then replay or discard them"
    return Finding(check, State.WARNING, f"{parked:,} parked", advice)
