"""What the doctor says of facts, and that one check never harms another."""

import time
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from gamification.adapters.certificates import Certificate
from gamification.adapters.kafka.admin import Difference
from gamification.adapters.kafka.bounds import Span
from gamification.adapters.postgres.facts import LaneFacts, PartitionFacts, ServerFacts
from gamification.adapters.processes import ProcessFacts
from gamification.adapters.redis.facts import NodeFacts
from gamification.application.doctor import certificate, kafka, others, postgres, redis
from gamification.application.doctor.finding import Finding, State, named
from gamification.application.doctor.side_by_side import Check, examine
from gamification.domain.errors import Halt, Unavailable

GOOD_SERVER = ServerFacts(
    version="15.18",
    is_standby=False,
    fsync="on",
    synchronous_commit="on",
    full_page_writes="on",
    connections_max=97,
    connections=20,
    ahead_s=0.2,
)
GOOD_NODE = NodeFacts("", "redis 8.0", "master", "noeviction", 100, 0, 0.0)
TEN = kafka.Members("gamification.award", 10)
NOBODY = kafka.Members("gamification.award", 0)
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def states(findings: object) -> dict[str, str]:
    return {f.check: str(f.state) for f in findings}  # type: ignore[attr-defined]


def test_a_good_database_is_well_in_every_line() -> None:
    assert set(states(postgres.server(GOOD_SERVER)).values()) == {"ok"}


@pytest.mark.parametrize(
    ("facts", "check", "state", "hint"),
    [
        (GOOD_SERVER._replace(is_standby=True), "postgres", "wrong", "primary"),
        (GOOD_SERVER._replace(fsync="off"), "postgres durability", "wrong", "fsync = on"),
        (
            GOOD_SERVER._replace(synchronous_commit="off"),
            "postgres durability",
            "wrong",
            "synchronous_commit = on",
        ),
        (GOOD_SERVER._replace(connections=90), "postgres connections", "warning", "raise"),
        (GOOD_SERVER._replace(connections=95), "postgres connections", "wrong", "raise"),
        (GOOD_SERVER._replace(ahead_s=-1.5), "postgres clock", "warning", "chronyc"),
    ],
)
def test_a_database_that_is_not_is_told_with_what_to_do(
    facts: ServerFacts, check: str, state: str, hint: str
) -> None:
    [found] = [each for each in postgres.server(facts) if each.state != State.OK]

    assert (found.check, str(found.state)) == (check, state)
    assert hint in found.advice


def test_a_replicated_commit_is_as_good_as_a_local_one() -> None:
    remote = GOOD_SERVER._replace(synchronous_commit="remote_apply")

    assert postgres.durability(remote).state == State.OK


@pytest.mark.parametrize(
    ("waiting", "oldest_s", "is_led", "state"),
    [
        (0, 0.0, True, "ok"),
        (5_000, 0.4, True, "ok"),
        (5_000, 8.0, True, "warning"),
        (5_000, 600.0, True, "wrong"),
        (0, 0.0, False, "warning"),
        (1, 0.1, False, "wrong"),
    ],
)
def test_an_outbox_is_judged_by_its_oldest_row_and_by_who_publishes(
    waiting: int, oldest_s: float, *, is_led: bool, state: str
) -> None:
    found = postgres.outbox(LaneFacts("rest", is_led, waiting, oldest_s))

    assert str(found.state) == state
    assert bool(found.advice) == (state != "ok")


@pytest.mark.parametrize(("ahead", "state"), [(8, "ok"), (3, "warning"), (0, "wrong")])
def test_partitions_run_out(ahead: int, state: str) -> None:
    found = postgres.partitions(PartitionFacts("outbox", ahead, 8, "relay"))

    assert str(found.state) == state


def test_missing_migrations_and_parked_letters_name_their_command() -> None:
    assert postgres.migrations(()).state == State.OK
    assert postgres.migrations(("0001_core.sql",)).advice == "python -m cli.migrate"
    assert postgres.letters(0).state == State.OK
    assert "cli.reprocess_dlq list" in postgres.letters(3).advice


def test_each_topic_has_its_lag_against_what_postgres_counted() -> None:
    spans = {("a", 0): Span(0, 100), ("a", 1): Span(50, 60), ("b", 0): Span(0, 30_000)}

    found = list(kafka.lags({("a", 0): 90, ("a", 1): 60}, spans, TEN))

    assert [(f.check, str(f.state)) for f in found] == [("lag a", "ok"), ("lag b", "warning")]
    assert found[0].seen == "10 records"
    assert found[1].seen == "30,000 records"


def test_records_that_nobody_reads_are_wrong_and_none_are_not() -> None:
    spans = {("a", 0): Span(0, 1), ("b", 0): Span(5, 5)}

    assert states(kafka.lags({}, spans, NOBODY)) == {"lag a": "wrong", "lag b": "ok"}
    ends = {("gamification.replay", 0): Span(0, 2)}
    assert states(kafka.lags({}, ends, NOBODY)) == {"lag gamification.replay": "warning"}
    assert kafka.workers(NOBODY).state == State.WARNING
    assert kafka.workers(TEN).state == State.OK


@pytest.mark.parametrize(
    ("at", "seen"), [(40, "deleted before they were counted"), (200, "the log ends at 100")]
)
def test_a_position_outside_of_the_log_is_wrong(at: int, seen: str) -> None:
    [found] = kafka.lags({("a", 0): at}, {("a", 0): Span(50, 100)}, TEN)

    assert found.state == State.WRONG
    assert seen in found.seen
    assert "consumer_offsets" in found.advice


def test_topics_schemas_and_a_relay_that_would_halt_are_named() -> None:
    lacking = (Difference("points.earned", "missing"),)

    assert kafka.topics(()).state == kafka.schemas(()).state == State.OK
    assert kafka.topics(lacking).seen == "points.earned: missing"
    assert "cli.schemas register" in kafka.schemas(lacking).advice
    assert kafka.relay("rest", None, 7).state == State.OK
    assert kafka.relay("rest", "Kafka is ahead", 7).state == State.WRONG


def test_of_many_differences_the_first_ones_are_named() -> None:
    assert named(["a", "b"]) == "a; b"
    assert named(["a", "b", "c", "d", "e"]) == "a; b; c; and 2 more"


@pytest.mark.parametrize(
    ("facts", "check", "state"),
    [
        (GOOD_NODE._replace(role="slave"), "redis", "wrong"),
        (GOOD_NODE._replace(policy="allkeys-lru"), "redis policy", "wrong"),
        (GOOD_NODE._replace(used_bytes=85, bytes_max=100), "redis memory", "warning"),
        (GOOD_NODE._replace(used_bytes=99, bytes_max=100), "redis memory", "wrong"),
        (GOOD_NODE._replace(ahead_s=2.0), "redis clock", "warning"),
    ],
)
def test_a_redis_that_is_not_well_is_told(facts: NodeFacts, check: str, state: str) -> None:
    assert set(states(redis.node(GOOD_NODE)).values()) == {"ok"}

    [found] = [each for each in redis.node(facts) if each.state != State.OK]

    assert (found.check, str(found.state)) == (check, state)
    assert found.advice


@pytest.mark.parametrize(
    ("waiting", "oldest_s", "is_led", "state"),
    [
        (0, 0.0, True, "ok"),
        (9, 10.0, True, "warning"),
        (9, 100.0, True, "wrong"),
        (9, 1.0, False, "wrong"),
        (0, 0.0, False, "warning"),
        (None, 0.0, True, "warning"),
    ],
)
def test_the_projection_is_judged_by_what_waits(
    waiting: int | None, oldest_s: float, *, is_led: bool, state: str
) -> None:
    assert str(redis.projection(waiting, oldest_s, is_led=is_led).state) == state


@pytest.mark.parametrize(
    ("left", "state"),
    [
        (timedelta(days=15), "ok"),
        (timedelta(days=14), "warning"),
        (timedelta(seconds=-1), "wrong"),
    ],
)
def test_a_certificate_is_renewed_in_time(left: timedelta, state: str) -> None:
    found = Certificate("gamification", NOW - timedelta(days=30), NOW + left)

    assert str(certificate.judged("GAMIFICATION_TLS_CA", found, NOW).state) == state


def test_a_certificate_that_has_not_begun_is_wrong() -> None:
    early = Certificate("gamification", NOW + timedelta(hours=1), NOW + timedelta(days=90))

    assert certificate.judged("GAMIFICATION_TLS_CA", early, NOW).state == State.WRONG


def test_every_wrong_variable_has_a_line_and_a_misspelled_one_is_a_warning() -> None:
    found = others.settings(["A: 1 is not allowed", "B: 2 is not allowed"], ["GAMIFICATION_REDS"])

    assert [str(each.state) for each in found] == ["wrong", "wrong", "warning"]
    assert [str(each.state) for each in others.settings((), ())] == ["ok"]


def test_a_process_is_as_well_as_it_says() -> None:
    bad = others.process("http://x", ProcessFacts({"postgres": "unavailable"}))

    assert others.process("http://x", ProcessFacts({})).state == State.OK
    assert (bad.state, bad.seen) == (State.WRONG, "postgres: unavailable")


def test_no_check_harms_another_and_all_end_in_time() -> None:
    never = Event()

    def hangs() -> list[Finding]:
        never.wait(60)
        return []

    def is_away() -> list[Finding]:
        raise Unavailable("postgres: no\nanswer")

    def refuses() -> list[Finding]:
        raise Halt("postgres: 28P01")

    def has_a_bug() -> list[Finding]:
        raise ZeroDivisionError

    def is_well() -> list[Finding]:
        return [others.answers("well")]

    looks = {"a": hangs, "b": is_away, "c": refuses, "d": has_a_bug, "e": is_well}
    begun = time.monotonic()

    found = examine([Check(name, look, "do so") for name, look in looks.items()], within_s=0.5)

    never.set()
    assert time.monotonic() - begun < 5
    assert [(f.check, str(f.state)) for f in found.findings] == [
        ("a", "away"),
        ("b", "away"),
        ("c", "wrong"),
        ("d", "wrong"),
        ("well", "ok"),
    ]
    assert found.findings[1].seen == "postgres: no answer"
    assert "ZeroDivisionError" in found.findings[3].seen
    assert found.left_behind == 1


def test_what_was_seen_before_a_check_hangs_is_told() -> None:
    never = Event()

    def look() -> object:
        yield others.answers("first")
        never.wait(60)

    found = examine([Check("second", look, "")], within_s=0.5)  # type: ignore[arg-type]

    never.set()
    assert [(f.check, str(f.state)) for f in found.findings] == [
        ("first", "ok"),
        ("second", "away"),
    ]
