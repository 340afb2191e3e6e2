"""Award workers share partitions, come and go, and wake up after theirs were taken."""

import pytest

from tests.faults.harness import Chain
from tests.waiting import eventually

pytestmark = pytest.mark.faults

VISITS = 4
TINY_BATCHES = {"GAMIFICATION_BATCH_RECORDS_MAX": "3"}


@pytest.mark.slow
def test_a_worker_that_comes_and_goes_again_and_again_changes_nothing(chain: Chain) -> None:
    chain.start("award", "award", "relay", "project")
    chain.load(events=3_500, per_s=80)
    for visit in range(VISITS):
        guest = chain.launch("award")
        eventually(lambda guest=guest: '"assigned"' in guest.log_text(), within_s=60)  # type: ignore[misc]
        chain.wait_counted(50)
        if visit % 2:
            chain.kill(guest)
        else:
            chain.excuse(guest)
            assert guest.stop()
            assert guest.exit_code == 0
    chain.settle()


def test_workers_that_come_and_go_during_a_backlog_change_nothing(chain: Chain) -> None:
    """Their queues are full of records when partitions come or go."""
    chain.launch("award", TINY_BATCHES)
    chain.start("relay", "project")
    chain.load(events=8_000, per_s=8_000)
    during = 0
    for visit in range(VISITS):
        guest = chain.launch("award", TINY_BATCHES)
        eventually(lambda guest=guest: '"assigned"' in guest.log_text(), within_s=60)  # type: ignore[misc]
        if chain.counted() >= chain.sent_events():  # how many fit depends on the machine
            chain.excuse(guest)
            break
        during += 1
        if visit % 2:
            chain.kill(guest)
        else:
            chain.excuse(guest)
            assert guest.stop()
    chain.settle()
    assert during, "the backlog was gone before anybody came"


@pytest.mark.slow
def test_workers_that_slept_through_the_loss_of_their_partitions_do_no_harm(chain: Chain) -> None:
    """Frozen in the middle of a transaction, and each at another place in it.

    What they hold in Postgres is taken from them after 10 seconds, their partitions before that.
    """
    first, *_ = chain.start("award", "relay", "project")
    chain.load(events=3_000, per_s=100)
    first.stop()
    points = ("after_claim", "after_lock", "after_commit")
    sleepers = [
        chain.launch("award", {"GAMIFICATION_KILL_AT": f"award.{point}:2:stop"}) for point in points
    ]
    # The last one that is awake owns all partitions, and falls asleep too.
    for sleeper in sleepers:
        chain.wait_frozen(sleeper, within_s=120)
    first.start()
    chain.wait_counted(300)
    for sleeper in sleepers:
        sleeper.resume()
    chain.settle()


@pytest.mark.parametrize(
    "point", [pytest.param("after_claim", marks=pytest.mark.slow), "after_commit"]
)
def test_a_worker_that_wakes_up_before_postgres_gave_it_up_does_no_harm(
    chain: Chain, point: str
) -> None:
    """Its partitions have an owner by then, who may wait for the rows that it still holds."""
    sleeper = chain.launch("award", {"GAMIFICATION_KILL_AT": f"award.{point}:8:stop"})
    chain.start("relay", "project")
    chain.load(events=3_000, per_s=400)
    chain.wait_frozen(sleeper)
    other, *_ = chain.start("award")
    eventually(lambda: '"assigned"' in other.log_text() or chain.failures(other) > 0, within_s=60)
    sleeper.resume()
    chain.settle()


def test_a_batch_polled_before_the_sleep_is_thrown_away_after_it(chain: Chain) -> None:
    """Others counted it meanwhile, and made dead letters of what is bad in it."""
    sleeper = chain.launch("award", {"GAMIFICATION_KILL_AT": "award.after_poll:8:stop"})
    chain.start("relay", "project")
    chain.load(events=2_000, per_s=2_000, bad_of_each=10)
    chain.wait_frozen(sleeper)
    chain.start("award")
    chain.wait_all_counted()
    sleeper.resume()
    eventually(lambda: "PartitionLost" in sleeper.log_text(), within_s=60)
    chain.settle()


@pytest.mark.slow
@pytest.mark.parametrize("point", ["before_append", "before_commit"])
def test_what_a_sleeping_worker_holds_is_freed_wherever_it_stopped(
    chain: Chain, point: str
) -> None:
    """Also inside and behind a pipeline, where Postgres' own time-out does not see it."""
    sleeper = chain.launch("award", {"GAMIFICATION_KILL_AT": f"award.{point}:8:stop"})
    chain.start("relay", "project")
    chain.load(events=2_000, per_s=400)
    chain.wait_frozen(sleeper)
    chain.start("award")
    chain.wait_all_counted(within_s=90)
    sleeper.resume()
    chain.settle()
