"""What operators compare finds each way in which something can be wrong, and mends the derived."""

import json
from typing import Any, Final

import psycopg
import pytest
import redis

from tests.faults.commands import command
from tests.faults.harness import Chain

pytestmark = pytest.mark.faults

SPOILT: Final = {
    "balance": "UPDATE profiles SET exp = exp + 7, coins_earned = coins_earned + 1 WHERE {someone}",
    "level": "UPDATE profiles SET level = level + 3 WHERE {someone}",
    "badges": "UPDATE profiles SET badges = '' WHERE {someone}",
}
SOMEONE: Final = """
    (merchant_id, customer_id) = (SELECT merchant_id, customer_id FROM customer_badges
                                   ORDER BY customer_id, badge OFFSET {n} LIMIT 1)
"""
BROKEN: Final = """
    ALTER TABLE ledger DISABLE TRIGGER trg_ledger_append_only;
    UPDATE ledger SET exp_after = exp_after + 1 WHERE entry = 1 AND {someone};
    ALTER TABLE ledger ENABLE TRIGGER trg_ledger_append_only;
"""
MENDED: Final = BROKEN.replace("exp_after + 1", "exp_after - 1")


def reconcile(chain: Chain, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and the findings of each time that it compared."""
    done = command(chain, "reconcile", *arguments, "--actor", "eva", "--json")
    assert done.returncode in {0, 1}, done.stderr
    decoder, found, text = json.JSONDecoder(), [], done.stdout.strip()
    while text:
        one, end = decoder.raw_decode(text)
        found.append(one)
        text = text[end:].strip()
    return done.returncode, found


def differing(found: dict[str, Any]) -> dict[str, int]:
    return {each["check"]: each["differ"] for each in found["checks"] if each["differ"]}


def do(chain: Chain, statement: str, n: int = 0) -> None:
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        someone = SOMEONE.format(n=n)
        database.execute(statement.replace("{someone}", someone).encode())


def test_everything_wrong_is_found_and_the_derived_is_mended(chain: Chain) -> None:
    chain.start("award", "relay", "project")
    chain.load(events=1_500)
    chain.drain()
    code, [whole] = reconcile(chain)
    assert (code, whole["differences"]) == (0, []), whole
    assert all(each["compared"] > 50 for each in whole["checks"]), whole["checks"]

    for n, statement in enumerate(SPOILT.values()):
        do(chain, statement, n * 40)
    board, member = spoil_a_board(chain)
    do(chain, BROKEN, 130)
    code, [whole] = reconcile(chain)
    assert code == 1
    # Who has 7 EXP too many may be on a wrong level, too.
    found = differing(whole)
    assert found.pop("levels") in {1, 2}
    # Of the two on boards one's EXP is wrong in Postgres, the other's in Redis.
    assert found == {"ledger": 2, "badges": 1, "boards": 2}
    assert f"{board}, customer {member}" in {each["subject"] for each in whole["differences"]}

    code, [_] = reconcile(chain, "--repair")
    assert code == 1
    code, [_, after] = reconcile(chain, "--repair", "--yes")
    assert (code, differing(after)) == (1, {"ledger": 1}), after
    do(chain, MENDED, 130)
    assert reconcile(chain)[0] == 0
    repaired(chain)


def spoil_a_board(chain: Chain) -> tuple[str, str]:
    with redis.Redis.from_url(chain.addresses.redis_url, decode_responses=True) as client:
        board = min(key for key in client.scan_iter("leaderboard:*") if key.count(":") == 1)
        [(member, score)] = client.zrange(board, 0, 0, withscores=True)
        client.zadd(board, {member: score + 5})
    return board, member


def repaired(chain: Chain) -> None:
    """Who was mended is in the audit, with what changed; and all invariants hold but for that."""
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        rows = database.execute(
            "SELECT actor, details FROM audit_logs WHERE action = 'reconcile.repair'"
        ).fetchall()
    assert {actor for actor, _ in rows} == {"eva"}
    assert {name for _, details in rows for name in details} >= {"exp", "level", "badges"}


@pytest.mark.slow
def test_what_kafka_lacks_is_found_and_who_does_not_answer_is_named(chain: Chain) -> None:
    chain.start("award", "relay", "project")
    chain.load(events=600)
    chain.drain()
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        database.execute(
            "UPDATE outbox SET value = value || '\\x00' WHERE id = (SELECT min(id) FROM outbox)"
        )
        [(badge,)] = database.execute(
            "UPDATE customer_badges SET cause = gen_random_uuid() WHERE (customer_id, badge) ="
            " (SELECT customer_id, badge FROM customer_badges LIMIT 1) RETURNING badge"
        ).fetchall()
    code, [whole] = reconcile(chain)
    assert code == 1
    assert differing(whole) == {"causes": 1, "outbox": 1}
    assert {each["repair"] for each in whole["differences"]} == {"no"}
    [uncaused] = [each for each in whole["differences"] if each["check"] == "causes"]
    assert uncaused["subject"].endswith(f"badge {badge}")
    who_is_away_is_named(chain)


def who_is_away_is_named(chain: Chain) -> None:
    for server, check in (
        (chain.servers.redis, "boards"),
        (chain.servers.kafka, "outbox"),
        (chain.servers.postgres, "ledger"),
    ):
        server.stop()
        done = command(chain, "reconcile", "--only", check)
        assert done.returncode == 3, done.stderr
        assert done.stderr.startswith("unavailable: "), done.stderr
        server.start()
    wrong = command(chain, "reconcile", "--only", "everything")
    assert (wrong.returncode, wrong.stderr[:7]) == (2, "--only:")
