"""Relays die at every named point, and at no particular one, while there is much to announce."""

import psycopg
import pytest

from deploy.launch import Worker
from tests.faults.harness import KILLED, Chain
from tests.waiting import eventually

pytestmark = pytest.mark.faults

POINTS = (
    "relay.after_read",
    "relay.in_transaction",
    "relay.before_kafka_commit",
    "relay.after_kafka_commit",
    "relay.after_progress",
)
DEATHS = 20


def published(chain: Chain) -> int:
    """How far the relay says it is."""
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        row = database.execute("SELECT coalesce(min(last_id), 0) FROM relay_progress").fetchone()
    return int(row[0]) if row else 0


def the_leader(relays: list[Worker]) -> Worker:
    """Whoever said that it leads."""
    leaders = [relay for relay in relays if "relay_leads" in relay.log_text()]
    assert leaders, "nobody leads"
    return leaders[-1]


def test_each_named_point_is_hit_and_every_fact_is_announced_once(chain: Chain) -> None:
    chain.start("award", "project")
    chain.load(events=4_000, per_s=250)
    # One leads, the others stand by; the last one leads when all others are dead.
    doomed = [chain.doomed("relay", f"{point}:2") for point in POINTS]
    assert [chain.wait_dead(relay) for relay in doomed] == [KILLED] * len(POINTS)
    chain.start("relay")
    chain.settle()


def test_death_between_kafkas_commit_and_the_next_read_announces_nothing_twice(
    chain: Chain,
) -> None:
    chain.start("award", "project")
    chain.load(events=3_000, per_s=250)
    doomed = [chain.doomed("relay", f"relay.after_kafka_commit:{n}") for n in (1, 2, 3, 2)]
    assert [chain.wait_dead(relay) for relay in doomed] == [KILLED] * len(doomed)
    chain.start("relay")
    chain.settle()


@pytest.mark.slow
def test_deaths_at_any_moment_change_nothing(chain: Chain) -> None:
    chain.start("award", "project")
    chain.load(events=750 * DEATHS, per_s=150)
    relays = [chain.launch("relay") for _ in range(3)]
    for _ in range(DEATHS):
        before = published(chain)
        eventually(lambda before=before: published(chain) > before, within_s=90)  # type: ignore[misc]
        leader = eventually(lambda: the_leader(relays), within_s=30)
        chain.kill(leader)
        relays.remove(leader)
        relays.append(chain.launch("relay"))
    chain.settle()


@pytest.mark.slow
def test_a_frozen_relay_wakes_up_after_another_took_over(chain: Chain) -> None:
    chain.start("award", "project")
    chain.load(events=4_000, per_s=250)
    frozen = chain.launch("relay", {"GAMIFICATION_KILL_AT": "relay.before_kafka_commit:2:stop"})
    chain.wait_frozen(frozen)
    chain.launch("relay")
    before = published(chain)
    eventually(lambda: published(chain) > before, within_s=90)
    frozen.resume()
    chain.settle()
