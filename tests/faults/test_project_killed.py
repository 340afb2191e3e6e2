"""Projectors die at every named point, and at no particular one, while totals move."""

import re
from contextlib import closing
from typing import cast

import pytest
import redis

from bench.workload.drained import PROJECTION
from deploy.launch import Worker
from tests.faults.harness import KILLED, Chain
from tests.waiting import eventually

pytestmark = pytest.mark.faults

POINTS = ("project.after_changes_read", "project.before_redis_write", "project.after_redis_write")
DEATHS = 20
LEADS = re.compile("leaderboards_rebuilt|projection_continues")


def projected(chain: Chain) -> int:
    """The last change that is on all boards; 0 when Redis does not know."""
    with closing(redis.Redis.from_url(chain.addresses.redis_url)) as client:
        return int(cast("bytes | None", client.hget(PROJECTION, "id")) or 0)


def test_each_named_point_is_hit_and_boards_are_as_rebuilt(chain: Chain) -> None:
    chain.start("award", "relay")
    chain.load(events=5_000, per_s=250)
    # Redis knows nothing yet, so the first one begins with building all boards.
    builder = chain.doomed("project", "project.before_publish:2")
    assert chain.wait_dead(builder) == KILLED
    doomed = [chain.doomed("project", f"{point}:3") for point in POINTS]
    assert [chain.wait_dead(each) for each in doomed] == [KILLED] * len(POINTS)
    chain.start("project")
    chain.settle()


@pytest.mark.slow
def test_deaths_at_any_moment_change_nothing(chain: Chain) -> None:
    chain.start("award", "relay")
    chain.load(events=750 * DEATHS, per_s=150)
    projectors = [chain.launch("project") for _ in range(3)]
    for _ in range(DEATHS):
        before = projected(chain)
        eventually(lambda before=before: projected(chain) > before, within_s=90)  # type: ignore[misc]
        leader = eventually(lambda: the_leader(projectors), within_s=30)
        chain.kill(leader)
        projectors.remove(leader)
        projectors.append(chain.launch("project"))
    chain.settle()


def the_leader(projectors: list[Worker]) -> Worker:
    """Whoever said that it leads."""
    leaders = [each for each in projectors if LEADS.search(each.log_text())]
    assert leaders, "nobody leads"
    return leaders[-1]
