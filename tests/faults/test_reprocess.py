"""Dead letters are sent again by a command that is killed: nothing lost, nothing counted twice."""

import json
import os
import signal
import subprocess
import sys

import psycopg
import pytest

from bench.workload import Delivery
from deploy.launch import ROOT
from gamification.domain.activity import Kind
from tests.faults.commands import reprocess
from tests.faults.deliveries import activity_of, firsts, poisonous, spoilt
from tests.faults.harness import KILLED, Chain
from tests.waiting import eventually

pytestmark = pytest.mark.faults

PEOPLE = "SELECT merchant_id::text, customer_id::text, exp FROM profiles"
SET = "UPDATE profiles SET exp = %s WHERE (merchant_id, customer_id) = (%s, %s)"
FULL = 2**53
STATUSES = "SELECT status, count(*) FROM dead_letters WHERE reason = 'poison' GROUP BY 1"


def person_of(delivery: Delivery) -> tuple[object, object]:
    return delivery.datum["merchant_id"], delivery.datum["customer_id"]


def statuses(chain: Chain) -> dict[str, int]:
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        return dict(database.execute(STATUSES).fetchall())


def test_what_was_poison_is_counted_when_its_cause_is_gone(chain: Chain) -> None:
    """Customers who have all the EXP that fits get some more, and are mended."""
    chain.start("award", "relay", "project")
    stream = chain.stream(events=800)
    chain.prepare_customers(stream)
    chain.activities += [a for each in stream.settings() if (a := each.activity) is not None]
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        exp = {row[:2]: row[2] for row in database.execute(PEOPLE)}
        points = [each for each in firsts(stream) if each.topic == Kind.POINTS_EARNED]
        bad = [each for each in points if person_of(each) in exp][:45]
        for person in exp:
            database.execute(SET, (FULL, *person))
    chain.publish(poisonous(bad))
    chain.drain()
    assert statuses(chain) == {"parked": 45}
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        for person, before in exp.items():
            database.execute(SET, (before, *person))

    only = "replay", "--reason", "poison", "--yes"
    sent = interrupted(chain, *only, "--rate", "10")
    for point in ("replay.before_claim:1", "replay.before_commit:1", "replay.after_commit:2"):
        assert reprocess(chain, *only, kill_at=point).returncode == KILLED
    done = reprocess(chain, *only, "--json")
    assert done.returncode == 0, done.stderr
    [said] = json.loads(done.stdout)
    assert said["replayed"] == 45 - 20 - sent

    chain.activities += map(activity_of, bad)
    chain.letter_statuses["poison"] = "resolved"
    chain.settle()
    assert statuses(chain) == {"resolved": 45}
    award, relay, _ = chain.workers
    # The ends of the relay's transactions take offsets, too, and are nothing that waits.
    eventually(lambda: chain.metric(award, "gamification_consumer_lag_records") == 0, within_s=60)
    eventually(lambda: chain.metric(relay, "gamification_dlq_size_total") == 0, within_s=60)


def interrupted(chain: Chain, *arguments: str) -> int:
    """Ctrl-C when some letters are sent; how many are."""
    line = (sys.executable, "-m", "cli.reprocess_dlq", *arguments)
    environment = {**os.environ, **chain.addresses.as_environment(), **chain.settings}
    with subprocess.Popen(
        line, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        eventually(lambda: statuses(chain).get("replayed", 0) >= 2, within_s=60)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on with the rest" in told
    return statuses(chain).get("replayed", 0) + statuses(chain).get("resolved", 0)


@pytest.mark.slow
def test_who_is_away_is_named_and_every_letter_stays(chain: Chain) -> None:
    chain.start("award", "relay", "project")
    malformed = spoilt(firsts(chain.stream(events=60)))[:5]
    chain.publish(malformed)
    chain.drain()
    [one, *_] = json.loads(reprocess(chain, "list", "--json").stdout)
    for server, commands in (
        (chain.servers.kafka, (("replay", "--yes"), ("show", one["id"]))),
        (chain.servers.postgres, (("replay", "--yes"), ("list",), ("discard", "--yes"))),
    ):
        server.stop()
        for arguments in commands:
            done = reprocess(chain, *arguments)
            assert done.returncode == 3, done.stderr
            assert done.stderr.startswith("unavailable: "), done.stderr
        server.start()
    assert len(json.loads(reprocess(chain, "list", "--json").stdout)) == len(malformed)


def test_an_operator_looks_at_every_kind_of_letter_and_gives_some_up(chain: Chain) -> None:
    """Whatever a letter holds, it is shown decoded or not at all, and never with an address."""
    chain.start("award", "relay", "project")
    stream = chain.stream(events=200, bad_of_each=1)
    chain.prepare_customers(stream)
    chain.activities += stream.activities()
    chain.publish(stream.main())
    chain.drain()
    listed = reprocess(chain, "list", "--json")
    assert listed.returncode == 1, listed.stderr
    letters = json.loads(listed.stdout)
    assert len(letters) == len(chain.bad)
    # Those of `customer.updated` may hold an address; of the others, some.
    kinds = {(each["event_type"], each["reason"]): each["id"] for each in letters}
    private = [one for (kind, _), one in kinds.items() if kind == Kind.CUSTOMER_UPDATED]
    others = [one for (kind, _), one in kinds.items() if kind != Kind.CUSTOMER_UPDATED]
    shown = [json.loads(reprocess(chain, "show", one).stdout) for one in private + others[:4]]
    assert "@example" not in json.dumps(shown)
    readable = [each for each in shown if each["fields"] is not None]
    assert readable
    assert all(each["headers"]["dlq.id"] == each["id"] for each in shown)
    assert all(each["unreadable"] for each in shown if each["fields"] is None)

    given_up = "--reason", "malformed"
    planned = reprocess(chain, "discard", *given_up, "--json")
    many = sum(1 for each in letters if each["reason"] == "malformed")
    assert json.loads(planned.stdout) == [{"would_discard": many}]
    done = reprocess(chain, "discard", *given_up, "--yes", "--json")
    assert json.loads(done.stdout) == [{"discarded": many}]
    assert json.loads(reprocess(chain, "list", *given_up, "--json").stdout) == []
    chain.letter_statuses["malformed"] = "discarded"
    chain.settle()


@pytest.mark.slow
def test_a_letter_that_fails_again_is_a_new_one_that_knows_how_often(chain: Chain) -> None:
    # Letters that fail again are no reason for a worker to think that the fault is its own.
    award = chain.launch("award", {"GAMIFICATION_REJECTED_RUN_MIN": "10"})
    chain.start("relay", "project")
    award.wait_ready()
    malformed = spoilt(firsts(chain.stream(events=60)))[:5]
    chain.publish(malformed)
    chain.drain()
    for attempts in (1, 2, 3):
        assert reprocess(chain, "replay", "--yes").returncode == 0
        chain.drain()
        parked = json.loads(reprocess(chain, "list", "--json").stdout)
        assert [each["attempts"] for each in parked] == [attempts + 1] * len(malformed)
    refused = reprocess(chain, "replay", "--yes", "--json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)[0]["came_back_too_often"] == len(malformed)
    assert award.is_running()


@pytest.mark.parametrize(
    ("wrong", "option"),
    [
        (("list", "--status", "gone"), "--status"),
        (("list", "--reason", "odd"), "--reason"),
        (("replay", "--event-type", "points"), "--event-type"),
        (("replay", "--merchant-id", "me"), "--merchant-id"),
        (("discard", "--since", "yesterday"), "--since"),
        (("show", "0"), "--id"),
    ],
)
def test_a_wrong_option_is_named(wrong: tuple[str, ...], option: str) -> None:
    done = subprocess.run(
        (sys.executable, "-m", "cli.reprocess_dlq", *wrong),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"{option}: ")
