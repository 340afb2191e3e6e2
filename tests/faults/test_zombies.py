"""A worker stops in the middle of each statement of its transaction, loses all, and wakes up."""

import psycopg
import pytest

from deploy.launch import Worker
from tests.faults.harness import Chain
from tests.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.slow]

TABLES = (
    "consumer_offsets",
    "processed_events",
    "ledger",
    "profiles",
    "customer_days",
    "completions",
    "customer_badges",
    "audit_logs",
    "dead_letters",
    "outbox",
    "changes",
)
"""What a batch writes to, in this order."""
KEY = 77
HOLD = """
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(77, TG_ARGV[0]::int);
        RETURN NULL;
    END $$;
"""
TRIGGER = """
    CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON {} FOR EACH STATEMENT
        EXECUTE FUNCTION hold('{}');
"""
WAITING = """
    SELECT count(*) FROM pg_locks
     WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND NOT granted
"""
PER_S = 60
GOES_ON_WITHIN_S = 60


def prepare(chain: Chain) -> None:
    """Every statement that writes asks for a lock first, which nobody holds."""
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        database.execute(HOLD)
        for number, table in enumerate(TABLES):
            database.execute(TRIGGER.format(table, number).encode())


def stop_in(chain: Chain, worker: Worker, number: int) -> None:
    """Freeze it while its statement waits in Postgres; then let the statement go on without it."""
    with psycopg.connect(chain.addresses.postgres_dsn, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(%s, %s)", (KEY, number))

        def waits() -> bool:
            row = holder.execute(WAITING, (KEY, number)).fetchone()
            return row is not None and row[0] > 0

        eventually(waits, within_s=GOES_ON_WITHIN_S, every_s=0.005)
        worker.pause()


def test_stopped_past_its_session_in_each_statement_it_does_no_harm(chain: Chain) -> None:
    """Two workers, of whom one is awake: the other wakes up when this one falls asleep."""
    awake, *_ = chain.start("award", "relay", "project")
    asleep = chain.launch("award")
    load = chain.load(events=40 * PER_S * len(TABLES), per_s=PER_S, bad_of_each=30)
    prepare(chain)
    asleep.wait_ready()
    asleep.pause()
    for number in range(len(TABLES)):
        stop_in(chain, awake, number)
        assert not load.is_over
        asleep.resume()
        # Its own transaction is long over; it has to take over what the other one holds.
        chain.wait_counted(5 * PER_S, within_s=GOES_ON_WITHIN_S)
        awake, asleep = asleep, awake
    asleep.resume()
    chain.settle()
