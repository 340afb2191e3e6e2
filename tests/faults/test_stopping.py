"""Asked to stop under load, every process stops in time, and between two batches."""

import pytest

from tests.faults.ground import in_transactions
from tests.faults.harness import Chain
from tests.waiting import eventually

pytestmark = pytest.mark.faults

STOPS = 3
IN_TIME_S = 10


def test_under_load_all_stop_within_ten_seconds_and_leave_nothing_half_done(chain: Chain) -> None:
    chain.start("award", "award", "relay", "project")
    chain.load(events=6_000, per_s=400)
    for _ in range(STOPS):
        chain.wait_counted(200)
        for worker in chain.workers:
            worker.ask_to_stop()
        for worker in chain.workers:
            assert worker.stop(within_s=IN_TIME_S), f"{worker.name} did not stop in time"
            assert worker.exit_code == 0
            assert "forced_stop" not in worker.log_text()
        assert in_transactions(chain.addresses.postgres_dsn) == 0
        for worker in chain.workers:
            worker.launch()
        for worker in chain.workers:
            worker.wait_ready()  # a signal before its first line would simply end it
    chain.settle()


@pytest.mark.slow
def test_while_postgres_and_redis_hang_all_stop_in_time(chain: Chain) -> None:
    workers = chain.start("award", "relay", "project")
    chain.load(events=3_000, per_s=500)
    chain.wait_counted(300)
    chain.servers.postgres.pause()
    chain.servers.redis.pause()
    for worker in workers:
        chain.excuse(worker)
        worker.ask_to_stop()
    # One that hangs in a statement ends itself hard; the batch in its hands is rolled back.
    stopped = [worker.stop(within_s=IN_TIME_S + 5) for worker in workers]
    chain.servers.redis.resume()
    chain.servers.postgres.resume()
    assert stopped == [True] * len(workers)
    chain.start("award", "relay", "project")
    eventually(lambda: in_transactions(chain.addresses.postgres_dsn) == 0, within_s=60)
    chain.settle()
