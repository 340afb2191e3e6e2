"""Records that spoil a transaction, and so many bad ones that the fault must be ours."""

import psycopg
import pytest

from consumers.process import EXIT_HALT
from gamification.domain.activity import Kind
from tests.faults.deliveries import firsts, poisonous, spoilt
from tests.faults.harness import Chain

pytestmark = pytest.mark.faults

FULL = "INSERT INTO profiles (merchant_id, customer_id, exp) VALUES (%s, %s, 9007199254740992)"
FORGET = "DELETE FROM profiles WHERE merchant_id = %s AND customer_id = %s"
POISONED = "SELECT count(*), min(attempts), max(attempts) FROM dead_letters WHERE reason = 'poison'"


def test_poison_in_many_batches_is_found_and_its_neighbours_are_counted(chain: Chain) -> None:
    """Customers who have all the EXP that fits get some more."""
    chain.start("award", "relay", "project")
    stream = chain.stream(events=1_500)
    chain.prepare_customers(stream)
    strangers = chain.stream(events=400, seed=2)
    bad = [each for each in firsts(strangers) if each.topic == Kind.POINTS_EARNED][:25]
    people = {(event.datum["merchant_id"], event.datum["customer_id"]) for event in bad}
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        for person in people:
            database.execute(FULL, person)
    chain.activities += stream.activities()
    mixed = list(stream.main())
    for number, delivery in enumerate(poisonous(bad)):
        mixed.insert(number * 60, delivery)
    chain.publish(mixed)
    chain.drain()
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        assert database.execute(POISONED).fetchone() == (len(bad), 1, 1)
        for person in people:
            database.execute(FORGET, person)
    chain.settle()


def test_more_bad_than_good_records_stop_the_worker_instead_of_emptying_the_topic(
    chain: Chain,
) -> None:
    suspicious = {"GAMIFICATION_REJECTED_RUN_MIN": "200"}
    patient = {"GAMIFICATION_REJECTED_SHARE_MAX_PERCENT": "100"}
    worker = chain.launch("award", suspicious)
    chain.start("relay", "project")
    stream = chain.stream(events=400)
    chain.prepare_customers(stream)
    chain.activities += stream.activities()
    good = firsts(stream)
    chain.publish(good[:200])
    chain.drain()
    bad = spoilt(good * 3)
    chain.publish(bad)
    chain.excuse(worker)
    assert chain.wait_dead(worker) == EXIT_HALT
    assert "TooManyRejected" in worker.log_text()
    assert chain.dead_letters() < len(bad) / 2
    worker.launch()
    assert chain.wait_dead(worker) == EXIT_HALT, "started again without a remedy"
    assert chain.dead_letters() < len(bad) / 2
    chain.publish(good[200:])
    chain.launch("award", patient)
    chain.settle()
