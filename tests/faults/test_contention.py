"""Transactions get into each other's way: workers among themselves, and others from outside."""

import threading
from dataclasses import replace

import psycopg
import pytest

from bench.workload.population import Population
from tests.faults.ground import deadlocks
from tests.faults.harness import Chain

pytestmark = pytest.mark.faults

TROUBLE = """
    CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF random() < 0.25 THEN
            RAISE EXCEPTION 'injected' USING ERRCODE =
                (ARRAY['40001', '40P01', '55P03', '53100', '53200', '57014'])
                    [1 + floor(random() * 6)];
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER trouble_while_counting AFTER INSERT ON processed_events
        FOR EACH STATEMENT EXECUTE FUNCTION trouble();
    CREATE TRIGGER trouble_while_paying AFTER INSERT ON ledger
        FOR EACH STATEMENT EXECUTE FUNCTION trouble();
    CREATE CONSTRAINT TRIGGER trouble_at_the_commit AFTER INSERT ON changes
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trouble();
"""
"""Serialization, deadlock, lock time-out, disk full, out of memory, cancelled."""

LINGER = """
    CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(0.05 * random());
        RETURN NULL;
    END $$;
    CREATE TRIGGER linger_after_announcing AFTER INSERT ON outbox
        FOR EACH STATEMENT EXECUTE FUNCTION linger();
    CREATE TRIGGER linger_after_noting AFTER INSERT ON changes
        FOR EACH STATEMENT EXECUTE FUNCTION linger();
"""
"""Between taking an id and committing it, so that others could overtake."""

HOLD_ALL = "SELECT count(*) FROM (SELECT FROM profiles ORDER BY customer_id DESC FOR UPDATE) AS p"


def test_workers_that_meet_new_customers_on_many_topics_never_deadlock(chain: Chain) -> None:
    chain.start("award", "award", "award", "relay", "project")
    stream = replace(chain.stream(events=6_000), population=Population(7, 3, 3_000))
    chain.activities += [each.activity for each in stream.main() if each.activity]
    chain.publish(stream.main())
    report = chain.settle()
    assert report.ok
    assert deadlocks(chain.addresses.postgres_dsn) == 0


@pytest.mark.slow
def test_what_commits_late_is_announced_and_projected_all_the_same(chain: Chain) -> None:
    """Ids that were taken first are seen first, however long their transactions take."""
    chain.start("award", "award", "award", "relay", "project")
    chain.load(events=3_000, per_s=400)
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        database.execute(LINGER)
    chain.settle()


def test_errors_that_pass_are_met_with_patience(chain: Chain) -> None:
    """Any of them, also at the commit: nothing becomes a dead letter, nothing is counted twice."""
    one, other, *_ = chain.start("award", "award", "relay", "project")
    chain.load(events=4_000, per_s=500)
    chain.wait_counted(200)
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        database.execute(TROUBLE)
    chain.wait_all_counted()
    assert chain.failures(one) + chain.failures(other) >= 5
    chain.settle()


@pytest.mark.slow
def test_somebody_who_locks_customers_the_other_way_round_is_survived(chain: Chain) -> None:
    chain.start("award", "award", "relay", "project")
    load = chain.load(events=4_000, per_s=400)
    stop = threading.Event()
    lost = []

    def lock_all() -> None:
        while not stop.is_set():
            try:
                with psycopg.connect(chain.addresses.postgres_dsn) as database:
                    database.execute("SET LOCAL deadlock_timeout = '50ms'")
                    database.execute(HOLD_ALL)
            except psycopg.OperationalError as error:
                lost.append(error.sqlstate)

    other = threading.Thread(target=lock_all)
    other.start()
    try:
        load.finish()
        chain.wait_all_counted()
    finally:
        stop.set()
        other.join(30)
    met = deadlocks(chain.addresses.postgres_dsn)
    chain.settle(deadlocks_met=met)


@pytest.mark.slow
def test_somebody_who_holds_what_all_wait_for_is_outlasted(chain: Chain) -> None:
    """Longer than a worker waits for a lock."""
    award, *_ = chain.start("award", "relay", "project")
    chain.load(events=2_000, per_s=400)
    chain.wait_counted(100)
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        database.execute("SELECT pg_advisory_xact_lock(hashtext('gamification_append'), 0)")
        chain.wait_failures(award, 1)
    chain.settle()
