"""Kafka stops and dies under load: records wait at their producers, announcements in the outbox."""

import pytest

from tests.faults.harness import Chain

pytestmark = pytest.mark.faults

IN_TIME_S = 15
"""A process gives itself 10 seconds; a machine that is busy may need some more to notice."""


def test_stopped_and_killed_under_load(chain: Chain) -> None:
    chain.start("award", "award", "relay", "project")
    chain.load(events=6_000, per_s=400)
    chain.wait_counted(300)
    chain.servers.kafka.restart()
    chain.wait_counted(300)
    chain.servers.kafka.kill()
    chain.servers.kafka.start()
    chain.settle()


@pytest.mark.slow  # counts on a row that is not published yet: an idle machine has none
def test_frozen_for_a_while(chain: Chain) -> None:
    """Longer than sessions and transactions of clients live."""
    _award, relay, _project = chain.start("award", "relay", "project")
    chain.load(events=4_000, per_s=400)
    chain.wait_counted(300)
    chain.servers.kafka.pause()
    chain.wait_failures(relay, 1)
    chain.servers.kafka.resume()
    chain.settle()


@pytest.mark.slow  # a relay in mid-transaction can need more than its 10 s: seen once
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
