"""The auditor goes red for each thing that can be wrong, on real servers.

One small stream goes through the real processes, which then end, so that nothing repairs what
a test spoils. Rows are spoiled in a transaction that is rolled back.
"""

import copy
import dataclasses
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import cast
from uuid import uuid4

import psycopg
import pytest
import redis
from confluent_kafka import Producer

from bench.workload import WriterSchemas, generate, publish
from bench.workload.drained import Drain
from deploy.devstack.database import create_database
from deploy.devstack.server import Addresses
from deploy.devstack.stack import Stack
from deploy.launch import Application
from gamification.adapters.postgres.connection import connect
from gamification.adapters.postgres.migrate import migrate
from tests.oracle.checker import Auditor, Inputs
from tests.oracle.ledger_audit import LedgerAudit
from tests.oracle.letters_audit import BadRecord
from tests.oracle.live_rules import active_rulebooks, merchant_settings
from tests.oracle.report import Invariant
from tests.oracle.topics_audit import OutboxAudit

pytestmark = pytest.mark.servers

EVENTS = 400
DRAINED_WITHIN_S = 60
FEW_PARTITIONS = {"GAMIFICATION_KAFKA_PARTITIONS": "3"}


@dataclasses.dataclass(frozen=True, slots=True)
class Audited:
    """What the processes left behind, and what they were given."""

    addresses: Addresses
    inputs: Inputs

    topics: Auditor
    """Has read the topics, which takes longest."""

    def auditor(self) -> Auditor:
        """One that remembers nothing but the topics."""
        fresh = copy.copy(self.topics)
        fresh._ledger, fresh._outbox = LedgerAudit(), OutboxAudit()
        return fresh

    @contextmanager
    def spoiled(self, *statements: str) -> Iterator[psycopg.Connection]:
        """The database after these statements, which are undone at the end."""
        with psycopg.connect(self.addresses.postgres_dsn) as database:
            database.execute("ALTER TABLE ledger DISABLE TRIGGER ALL")
            for statement in statements:
                for each in statement.format(**SOMEBODY).split(";"):
                    changed = database.execute(each.encode())
                    assert changed.rowcount > 0, f"nothing was spoiled by {each}"
            yield database
            database.rollback()


@pytest.fixture(scope="module")
def audited(own_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    dsn = create_database(own_stack.addresses.postgres_dsn, "audited")
    addresses = dataclasses.replace(own_stack.addresses, postgres_dsn=dsn)
    now_ms = int(time.time() * 1000)
    stream = generate(11, EVENTS, until_ms=now_ms, customers=25, bad_of_each=1)
    with Application(addresses, tmp_path_factory.mktemp("logs"), FEW_PARTITIONS) as application:
        application.prepare()
        application.start()
        schemas = WriterSchemas.from_registry(addresses.registry_url)
        drain = Drain(addresses)
        sent = publish(stream.settings(), addresses.kafka_bootstrap, schemas)
        drain.wait(DRAINED_WITHIN_S)
        sent += publish(stream.main(), addresses.kafka_bootstrap, schemas)
        drain.wait(DRAINED_WITHIN_S)
        drain.close()
    inputs = Inputs(
        rulebooks=active_rulebooks(dsn),
        activities=list(stream.activities()),
        bad=[BadRecord.of(bad) for bad in sent.bad],
        merchants=merchant_settings(dsn),
    )
    return Audited(addresses, inputs, Auditor(addresses))


@pytest.fixture
def boards(audited: Audited) -> Iterator["redis.Redis"]:
    client = redis.Redis.from_url(audited.addresses.redis_url)
    yield client
    client.close()


def test_what_the_processes_did_is_right(audited: Audited) -> None:
    report = audited.auditor().check(audited.inputs)

    assert report.ok, str(report)
    assert report.compared(Invariant.LEDGER) > EVENTS / 2
    assert report.compared(Invariant.AWARDS) > EVENTS
    assert report.compared(Invariant.TOPICS) > EVENTS
    assert report.compared(Invariant.BOARDS) > 25


SOMEBODY = {
    "one": "(merchant_id, customer_id) = (SELECT merchant_id, customer_id FROM ledger LIMIT 1)",
    "badge": "ctid = (SELECT ctid FROM customer_badges LIMIT 1)",
    "audit": "ctid = (SELECT ctid FROM audit_logs WHERE action = 'badge.award' LIMIT 1)",
    "value": "ctid = (SELECT ctid FROM completions WHERE exp > 0 LIMIT 1)",
    "prize": "ctid = (SELECT ctid FROM payouts LIMIT 1)",
    "event": "event_id = (SELECT min(cause::text)::uuid FROM ledger)",
}
"""Conditions that pick one row, put into the statements below."""
PAID_AGAIN = """
    INSERT INTO ledger (merchant_id, customer_id, entry, exp, coins, exp_after, coins_after,
                        type, rule, cause)
    SELECT l.merchant_id, l.customer_id, p.entries + 1, l.exp, l.coins, p.exp + l.exp,
           p.coins + l.coins, l.type, l.rule, l.cause
      FROM ledger l JOIN profiles p USING (merchant_id, customer_id)
     WHERE l.entry = 1 LIMIT 1
"""
PROFILES_FOLLOW = """
    UPDATE profiles p SET entries = l.entry, exp = l.exp_after, coins = l.coins_after
      FROM (SELECT DISTINCT ON (merchant_id, customer_id) * FROM ledger
             ORDER BY merchant_id, customer_id, entry DESC) AS l
     WHERE p.merchant_id = l.merchant_id AND p.customer_id = l.customer_id
"""
TOLD_AGAIN = """
    INSERT INTO outbox (topic, schema_version, key, value)
    SELECT topic, schema_version, key, value FROM outbox WHERE topic = 1 LIMIT 1
"""
NEVER_SENT = """
    INSERT INTO processed_events SELECT merchant_id, gen_random_uuid(), 1, 1 FROM merchants
"""
SPOILED: dict[Invariant, tuple[str, ...]] = {
    Invariant.LEDGER: (
        "UPDATE profiles SET coins = coins + 1 WHERE {one}",
        "UPDATE profiles SET exp = exp + 1 WHERE {one}",
        "DELETE FROM ledger WHERE entry = 1 AND {one}",
        "UPDATE ledger SET exp_after = 7 WHERE entry = 1 AND {one}",
        "UPDATE ledger SET rule = 999999 WHERE entry = 1 AND {one}",
        PAID_AGAIN + ";" + PROFILES_FOLLOW,
    ),
    Invariant.AWARDS: (
        PAID_AGAIN + ";" + PROFILES_FOLLOW,
        "UPDATE profiles SET level = level + 1 WHERE {one}",
        "UPDATE profiles SET level_high = level + 1 WHERE {one}",
        "UPDATE profiles SET longest_streak = 99 WHERE {one}",
        "UPDATE profiles SET current_streak = 99 WHERE {one}",
        "UPDATE profiles SET active_from = 1 WHERE {one}",
        "UPDATE profiles SET badges = '' WHERE {one}",
        "UPDATE profiles SET locale = 'xx' WHERE {one}",
        "UPDATE profiles SET timezone = 'xx' WHERE {one}",
        "UPDATE profiles SET notify = NOT notify WHERE {one}",
        "UPDATE profiles SET locale_ever = NOT locale_ever WHERE {one}",
        "UPDATE profiles SET coins_earned = coins_earned + 1 WHERE {one}",
        "DELETE FROM profiles WHERE {one}",
        "DELETE FROM customer_badges WHERE {badge}",
        "UPDATE customer_badges SET cause = gen_random_uuid() WHERE {badge}",
        "UPDATE ledger SET cause = gen_random_uuid() WHERE entry = 1 AND {one}",
        "UPDATE customer_days SET board_exp = board_exp + 1",
        "DELETE FROM completions WHERE {value}",
        "DELETE FROM payouts WHERE {prize}",
        "DELETE FROM processed_events WHERE {event}",
        "UPDATE processed_events SET kind = 5 WHERE {event}",
        NEVER_SENT,
    ),
    Invariant.TOPICS: (
        "DELETE FROM outbox WHERE id = (SELECT min(id) FROM outbox)",
        "UPDATE outbox SET value = value || '\\x00' WHERE topic = 1",
        "UPDATE outbox SET key = 'x' WHERE topic = 5",
        "UPDATE outbox SET schema_version = 2 WHERE topic = 1",
        "UPDATE outbox SET traceparent = 'x' WHERE topic = 1",
        TOLD_AGAIN,
        "DELETE FROM customer_badges WHERE {badge}",
        "UPDATE profiles SET current_streak = 99 WHERE {one}",
        "DELETE FROM audit_logs WHERE {audit}",
        "UPDATE audit_logs SET actor = 'anna' WHERE {audit}",
        "UPDATE audit_logs SET id = gen_random_uuid() WHERE {audit}",
        "DELETE FROM outbox WHERE id = (SELECT min(id) FROM outbox WHERE topic = 9)",
        "DELETE FROM dead_letters WHERE origin_offset % 2 = 0",
        "UPDATE dead_letters SET reason = 'poison'",
        "DELETE FROM outbox WHERE letter IS NOT NULL",
        "UPDATE outbox SET value = 'anna@example.com' WHERE letter IS NOT NULL",
    ),
    Invariant.BOARDS: (
        "UPDATE profiles SET exp = exp + 1 WHERE {one}",
        "UPDATE customer_days SET board_exp = board_exp + 1 WHERE board_exp > 0",
    ),
}


@pytest.mark.parametrize(
    ("invariant", "statement"),
    [
        pytest.param(invariant, statement, id=f"{invariant.name.lower()}-{number}")
        for invariant, statements in SPOILED.items()
        for number, statement in enumerate(statements)
    ],
)
def test_a_spoiled_row_is_found(audited: Audited, invariant: Invariant, statement: str) -> None:
    with audited.spoiled(statement) as database:
        report = audited.auditor().check(audited.inputs, database)

    assert report.differences(invariant), str(report)


def test_what_went_away_between_two_looks_is_found(audited: Audited) -> None:
    """The last entry of everybody, so that no chain shows it."""
    auditor = audited.auditor()
    before = auditor.look()
    last = "DELETE FROM ledger l USING profiles p WHERE l.entry = p.entries"
    person = "l.merchant_id = p.merchant_id AND l.customer_id = p.customer_id"
    with audited.spoiled(f"{last} AND {person}", "UPDATE outbox SET key = 'x'") as database:
        after = auditor.look(database)

    assert not before.differences(Invariant.LEDGER)
    assert not before.differences(Invariant.TOPICS)
    assert "was there and is gone" in str(after)
    assert "is not what it was" in str(after)


def test_an_unexpected_dead_letter_and_a_missing_one_are_found(audited: Audited) -> None:
    first, *others = audited.inputs.bad
    fewer = dataclasses.replace(audited.inputs, bad=others)
    other = dataclasses.replace(
        audited.inputs, bad=[first._replace(letter_value=b"other bytes"), *others]
    )

    assert audited.auditor().check(fewer).differences(Invariant.TOPICS) == 1
    assert audited.auditor().check(other).differences(Invariant.TOPICS) == 1


def test_an_event_that_should_not_have_counted_is_found(audited: Audited) -> None:
    fewer = dataclasses.replace(audited.inputs, activities=audited.inputs.activities[:-1])

    assert audited.auditor().check(fewer).differences(Invariant.AWARDS)


def total_board(boards: "redis.Redis") -> str:
    names = cast("list[bytes]", boards.keys("leaderboard:*"))
    return min(names, key=len).decode()


def test_a_wrong_score_is_found(audited: Audited, boards: "redis.Redis") -> None:
    board = total_board(boards)
    [member] = cast("list[bytes]", boards.zrange(board, 0, 0))
    boards.zincrby(board, 1, member)
    report = audited.auditor().check(audited.inputs)
    boards.zincrby(board, -1, member)

    assert report.differences(Invariant.BOARDS) == 1


def test_a_lost_board_and_an_invented_one_are_found(
    audited: Audited, boards: "redis.Redis"
) -> None:
    board = total_board(boards)
    invented = f"leaderboard:{uuid4()}"
    boards.rename(board, invented)
    report = audited.auditor().check(audited.inputs)
    boards.rename(invented, board)

    assert report.differences(Invariant.BOARDS) == 2


def test_an_empty_world_holds_nothing(audited: Audited) -> None:
    """No rows, no records, no keys: agreement about nothing must not pass."""
    dsn = create_database(audited.addresses.postgres_dsn, f"empty_{uuid4().hex}")
    addresses = dataclasses.replace(audited.addresses, postgres_dsn=dsn)
    with closing(connect(dsn, "tests")) as database:
        migrate(database)

    report = Auditor(addresses, from_now=True).check(Inputs(rulebooks={}, activities=[]))

    assert not report.ok
    assert "NOTHING WAS COMPARED" in str(report)


def test_a_fact_that_was_published_twice_is_found(audited: Audited) -> None:
    """Last in this file: what is on a topic stays there."""
    auditor = audited.auditor()
    auditor.look()
    record = next(one for one in auditor.records if one.topic == "badge.awarded")
    producer = Producer({"bootstrap.servers": audited.addresses.kafka_bootstrap})
    producer.produce(record.topic, record.value, record.key, headers=list(record.headers))
    assert producer.flush(10) == 0

    report = auditor.check(audited.inputs)

    assert "was published 2 times" in str(report)
    assert report.differences(Invariant.TOPICS) == 3  # no row for it, its id, its badge
