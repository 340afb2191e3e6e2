"""Postgres restarts, dies, refuses, cuts connections: the work waits and nothing is given up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.faults.ground import cut_connections, in_transactions
from tests.faults.harness import Chain
from tests.waiting import eventually

pytestmark = pytest.mark.faults

CUTS = 15
REFUSED_S = 30
DOORS = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
EXPEL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


@contextmanager
def shut(chain: Chain) -> Iterator[None]:
    """The chain's database ends all sessions and begins none."""
    name = str(conninfo_to_dict(chain.addresses.postgres_dsn)["dbname"])
    with psycopg.connect(chain.servers.addresses.postgres_dsn, autocommit=True) as server:
        server.execute(DOORS.format(sql.Identifier(name), sql.SQL("false")))
        server.execute(EXPEL, (name,))
        yield
        server.execute(DOORS.format(sql.Identifier(name), sql.SQL("true")))


def test_restarts_under_load(chain: Chain) -> None:
    chain.start("award", "award", "relay", "project")
    chain.load(events=6_000, per_s=500)
    for _ in range(2):
        chain.wait_counted(300)
        chain.servers.postgres.restart()
    chain.wait_counted(300)
    chain.servers.postgres.kill()
    chain.servers.postgres.start()
    chain.settle()


def test_while_it_is_away_nothing_becomes_a_dead_letter_and_then_work_goes_on(
    chain: Chain,
) -> None:
    workers = chain.start("award", "relay", "project")
    chain.load(events=4_000, per_s=500)
    chain.wait_counted(300)
    chain.servers.postgres.stop()
    for worker in workers:
        chain.wait_failures(worker, 10)
    chain.servers.postgres.start()
    chain.settle()


def test_connections_cut_in_the_middle_of_transactions(chain: Chain) -> None:
    chain.start("award", "award", "relay", "project")
    chain.load(events=6_000, per_s=400)
    cut = 0
    for _ in range(CUTS):
        chain.wait_counted(50)
        eventually(
            lambda: in_transactions(chain.addresses.postgres_dsn, "gamification-award") > 0,
            within_s=60,
            every_s=0.001,
        )
        cut += cut_connections(chain.addresses.postgres_dsn)
    assert cut >= CUTS
    chain.settle()


def test_a_database_that_lets_nobody_in(chain: Chain) -> None:
    award, *_ = chain.start("award", "relay", "project")
    chain.load(events=3_000, per_s=400)
    chain.wait_counted(300)
    with shut(chain):
        chain.wait_failures(award, 5)
    chain.settle()


@pytest.mark.slow
def test_a_database_that_lets_nobody_in_for_half_a_minute(chain: Chain) -> None:
    chain.start("award", "award", "relay", "project")
    chain.load(events=4_000, per_s=100)
    chain.wait_counted(300)
    began = time.monotonic()
    with shut(chain):
        eventually(lambda: time.monotonic() > began + REFUSED_S, within_s=2 * REFUSED_S)
    chain.settle()


@pytest.mark.slow
def test_a_server_that_is_frozen_for_a_while(chain: Chain) -> None:
    """Connections stay open and nothing answers: no end is seen until a time-out is over."""
    chain.start("award", "relay", "project")
    load = chain.load(events=3_000, per_s=400)
    chain.wait_counted(300)
    chain.servers.postgres.pause()
    eventually(lambda: load.is_over, within_s=60)
    chain.servers.postgres.resume()
    chain.settle()
