"""The comparison's driver on real servers, with the one contestant that is always installed."""

from pathlib import Path

import pytest

from bench.ground import Ground
from bench.peers import contest
from bench.peers.by_engine import Engine
from bench.peers.job import Job
from deploy.devstack.stack import Stack

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]
WITHIN_S = 120


@pytest.mark.slow
def test_the_engine_announces_each_badge_of_the_job_once(own_stack: Stack, tmp_path: Path) -> None:
    ground, engine = Ground(own_stack, tmp_path), Engine()
    badges, records = contest.fill(ground, Job(events=2_000, customers=150))

    found = contest.drain(ground, engine, engine.drains[0], badges, within_s=WITHIN_S)

    assert records > 2_000
    assert found["finished"], found["log_tail"]
    assert found["verdict"]["told"] == "each once"
    assert found["verdict"]["expected"] == len(badges) > 0
    assert found["took_s"] > 0
    assert found["cpu_s"]["own"] > 0
    assert found["memory_mib"] > 0


@pytest.mark.slow
def test_every_event_of_a_schedule_is_seen_as_a_badge(own_stack: Stack, tmp_path: Path) -> None:
    ground, engine = Ground(own_stack, tmp_path), Engine()
    pace = contest.Pace(per_s=50, seconds=2, settle_s=1)

    found = contest.paced(ground, engine, engine.paced[0], pace)

    assert found["samples"] == 100
    assert found["doubled"] == 0
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]
