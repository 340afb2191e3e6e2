"""Award workers die at every named point, and at no particular one, under load."""

import pytest

from tests.faults.harness import KILLED, Chain

pytestmark = pytest.mark.faults

POINTS = (
    "award.after_poll",
    "award.after_claim",
    "award.after_lock",
    "award.before_append",
    "award.before_commit",
    "award.after_commit",
)
DEATHS = 20


def test_each_named_point_is_hit_and_nothing_is_lost_or_counted_twice(chain: Chain) -> None:
    first, *_ = chain.start("award", "relay", "project")
    chain.load(events=4_000, per_s=250)
    chain.wait_counted(200)
    chain.kill(first)
    # Nobody else is left: the last one of them owns all partitions, and dies too.
    doomed = [chain.doomed("award", f"{point}:2") for point in POINTS]
    assert [chain.wait_dead(worker) for worker in doomed] == [KILLED] * len(POINTS)
    chain.start("award")
    chain.settle()


@pytest.mark.slow
def test_deaths_at_any_moment_change_nothing(chain: Chain) -> None:
    chain.start("award", "relay", "project")
    chain.load(events=600 * DEATHS, per_s=400)
    workers = [chain.workers[0], *(chain.launch("award") for _ in range(3))]
    for _ in range(DEATHS):
        chain.wait_counted(100)
        chain.kill(workers.pop(0))
        workers.append(chain.launch("award"))
    chain.settle()
