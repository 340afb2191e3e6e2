"""Redis restarts, forgets everything, hangs, is away: awards go on and boards come back."""

from contextlib import closing

import pytest
import redis

from tests.faults.harness import Chain

pytestmark = pytest.mark.faults


def test_restarted_and_emptied_again_and_again_under_load(chain: Chain) -> None:
    chain.start("award", "relay", "project")
    chain.load(events=5_000, per_s=400)
    with closing(redis.Redis.from_url(chain.addresses.redis_url)) as client:
        for _ in range(6):
            chain.wait_counted(150)
            client.flushall()
    for _ in range(2):
        chain.wait_counted(150)
        chain.servers.redis.restart()
    chain.wait_counted(150)
    chain.servers.redis.kill()
    chain.servers.redis.start()
    chain.settle()


def test_emptied_when_nothing_moves_any_more(chain: Chain) -> None:
    chain.start("award", "relay", "project")
    chain.load(events=500)
    chain.drain()
    with closing(redis.Redis.from_url(chain.addresses.redis_url)) as client:
        client.flushall()
    chain.settle()


@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_while_it_is_away_awards_go_on(chain: Chain, how: str) -> None:
    award, _relay, project = chain.start("award", "relay", "project")
    chain.load(events=3_000, per_s=600)
    chain.wait_counted(300)
    if how == "stopped":
        chain.servers.redis.stop()
    else:
        chain.servers.redis.pause()
    chain.wait_failures(project, 1)
    chain.wait_all_counted()
    assert award.is_running()
    chain.servers.redis.resume() if how == "frozen" else chain.servers.redis.start()
    chain.settle()


def test_while_it_is_full_awards_go_on(chain: Chain) -> None:
    """It refuses every write; keys of state are never evicted to make room."""
    award, _relay, project = chain.start("award", "relay", "project")
    chain.load(events=2_000, per_s=400)
    chain.wait_counted(300)
    with closing(redis.Redis.from_url(chain.addresses.redis_url)) as client:
        client.config_set("maxmemory", "1")
        chain.wait_failures(project, 1)
        chain.wait_all_counted()
        assert award.is_running()
        client.config_set("maxmemory", "0")
    chain.settle()
