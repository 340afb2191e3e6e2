"""A window of an input topic is sent again, by a command that is killed and interrupted."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import psycopg
import pytest

from bench.workload import Delivery
from bench.workload.ends import Ends
from deploy.launch import ROOT
from gamification.domain.activity import Kind
from tests.faults.commands import WITHIN_S, command
from tests.faults.deliveries import activity_of, contradicted, firsts, spoilt
from tests.faults.harness import KILLED, Chain
from tests.waiting import eventually

pytestmark = pytest.mark.faults

POINTS = Kind.POINTS_EARNED.value
SKIP = """
    UPDATE consumer_offsets SET next_offset = %s
     WHERE topic = 'points.earned' AND partition = %s
"""
SENT = "SELECT count(*) FROM outbox o JOIN topics t ON t.code = o.topic WHERE t.name = %s"
REPLAYED = "gamification.replay"


def window(deliveries: list[Delivery]) -> tuple[str, ...]:
    times = [each.timestamp_ms for each in deliveries]
    return "--event-type", POINTS, "--since", text(min(times)), "--until", text(max(times) + 1)


def text(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def sent(chain: Chain) -> int:
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        [(count,)] = database.execute(SENT, (REPLAYED,)).fetchall()
    return int(count)


def lost(chain: Chain, deliveries: list[Delivery]) -> None:
    """These are in the topic, and the workers' offsets stand behind them."""
    chain.publish(deliveries)
    ends = Ends(chain.addresses.kafka_bootstrap)
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        for (_topic, partition), end in ends.next(ends.places([POINTS])).items():
            database.execute(SKIP, (end, partition))


def test_what_was_never_counted_is_counted_and_the_rest_stays(chain: Chain) -> None:
    award, *_ = chain.start("award", "relay", "project")
    stream = chain.stream(events=1_500)
    chain.prepare_customers(stream)
    points = [each for each in firsts(stream) if each.topic == POINTS]
    counted, missed = points[: len(points) // 2], points[len(points) // 2 :]
    chain.activities += [a for each in stream.settings() if (a := each.activity) is not None]
    chain.activities += map(activity_of, points)
    chain.publish(counted)
    chain.drain()
    chain.kill(award)
    lost(chain, missed)
    chain.start("award")

    first = activity_of(missed[0]).merchant_id
    mine = [each for each in points if activity_of(each).merchant_id == first]
    shop = "--merchant-id", str(mine[0].datum["merchant_id"])
    planned = command(chain, "replay", *window(points), *shop, "--json")
    [plan] = json.loads(planned.stdout)
    assert (plan["would_replay"], plan["others"]) == (len(mine), len(points) - len(mine))
    assert sent(chain) == 0
    for point in ("replay_window.before_commit:2", "replay_window.after_commit:2"):
        died = command(chain, "replay", *window(points), *shop, "--yes", kill_at=point)
        assert died.returncode == KILLED, died.stderr
    done = command(chain, "replay", *window(points), *shop, "--rate", "2000", "--yes")
    assert done.returncode == 0, done.stderr

    go_on = interrupted(chain, *window(points), "--rate", "50", "--yes")
    before = sent(chain)
    rest = [*window(points)[:2], "--since", go_on, *window(points)[4:]]
    done = command(chain, "replay", *rest, "--rate", "2000", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    # Partitions that were not begun are read from their beginning.
    assert sent(chain) - before == json.loads(done.stdout)[0]["replayed"] <= len(points)
    chain.settle()


def interrupted(chain: Chain, *arguments: str) -> str:
    """Ctrl-C when some records are sent; from when on it says that it must go on."""
    line = (sys.executable, "-m", "cli.replay", *arguments)
    environment = {**os.environ, **chain.addresses.as_environment(), **chain.settings}
    before = sent(chain)
    with subprocess.Popen(
        line, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        eventually(lambda: sent(chain) > before + 40, within_s=WITHIN_S)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130
    said, _, moment = told.strip().rpartition(" ")
    assert said.endswith("interrupted: go on with --since")
    return moment


def test_dead_letters_are_left_alone_readable_ones_too(chain: Chain) -> None:
    chain.start("award", "relay", "project")
    stream = chain.stream(events=200)
    chain.prepare_customers(stream)
    points = [each for each in firsts(stream) if each.topic == POINTS][:20]
    chain.activities += [a for each in stream.settings() if (a := each.activity) is not None]
    chain.activities += map(activity_of, points)
    bad = [each for each in spoilt(firsts(stream)) if each.topic == POINTS][:3]
    others = contradicted(points[:4])
    chain.publish(points)
    chain.drain()
    chain.publish([*bad, *others])
    chain.drain()
    whole = window([*points, *bad, *others])
    done = command(chain, "replay", *whole, "--yes", "--json")
    assert done.returncode == 1, done.stderr
    [said] = json.loads(done.stdout)
    assert (said["replayed"], said["dead_letters"]) == (20, 7)
    chain.settle()


@pytest.mark.slow
def test_a_wrong_option_is_named_and_who_is_away_is_said(chain: Chain) -> None:
    for wrong, option in (
        (("--event-type", "points", "--since", "2026-01-01"), "--event-type"),
        (("--event-type", POINTS, "--since", "soon"), "--since"),
        (("--event-type", POINTS, "--since", "2999-01-01"), "--since, --until"),
        (("--event-type", POINTS, "--since", "2026-01-01", "--merchant-id", "me"), "--merchant-id"),
        (
            ("--event-type", POINTS, "--since", "2026-01-01", "--activity-type", "login"),
            "--activity-type",
        ),
    ):
        done = command(chain, "replay", *wrong)
        assert (done.returncode, done.stderr.split(":")[0]) == (2, option)
    chain.servers.kafka.stop()
    away = command(chain, "replay", "--event-type", POINTS, "--since", "2026-01-01")
    assert (away.returncode, away.stderr[:18]) == (3, "unavailable: kafka")
