"""Kafka stops and dies under load: records wait at their producers, announcements in the outbox."""

import pytest

from cli.migrate import DEFAULT_RULEBOOK
from gamification.adapters.postgres.session import EngineSession
from gamification.application.rulebook_admin import activate
from gamification.bootstrap.award import now_ms
from gamification.domain.ids import DEFAULT_MERCHANT
from tests.faults.harness import Chain

pytestmark = pytest.mark.faults

IN_TIME_S = 15
"""A process gives itself 10 seconds; a machine that is busy may need some more to notice."""


def announce_something(chain: Chain) -> None:
    """A row for the outbox that needs no Kafka: all that was counted may be published already."""
    session = EngineSession(chain.addresses.postgres_dsn, "test")
    try:
        activate(session, DEFAULT_MERCHANT, DEFAULT_RULEBOOK.read_text(), "test", now_ms)
    finally:
        session.close()


def test_stopped_and_killed_under_load(chain: Chain) -> None:
    chain.start("award", "award", "relay", "project")
    chain.load(events=6_000, per_s=400)
    chain.wait_counted(300)
    chain.servers.kafka.restart()
    chain.wait_counted(300)
    chain.servers.kafka.kill()
    chain.servers.kafka.start()
    chain.settle()


@pytest.mark.slow
def test_frozen_for_a_while(chain: Chain) -> None:
    """Longer than sessions and transactions of clients live."""
    _award, relay, _project = chain.start("award", "relay", "project")
    chain.load(events=4_000, per_s=400)
    chain.wait_counted(300)
    chain.servers.kafka.pause()
    announce_something(chain)
    chain.wait_failures(relay, 1)
    chain.servers.kafka.resume()
    chain.settle()


@pytest.mark.slow
def test_away_and_everybody_stops_in_time_all_the_same(chain: Chain) -> None:
    workers = chain.start("award", "relay", "project")
    chain.load(events=3_000, per_s=500)
    chain.wait_counted(300)
    chain.servers.kafka.kill()
    for worker in workers:
        chain.excuse(worker)
        worker.ask_to_stop()
    assert [worker.stop(within_s=IN_TIME_S) for worker in workers] == [True] * len(workers)
    assert [worker.exit_code for worker in workers] == [0] * len(workers)
    chain.servers.kafka.start()
    chain.start("award", "relay", "project")
    chain.settle()
