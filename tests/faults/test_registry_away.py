"""The schema registry is away: what is known goes on, what is new waits."""

import pytest

from bench.workload import publish
from tests.faults.deliveries import activity_of, firsts
from tests.faults.harness import Chain
from tests.faults.newer_producer import TOPIC, NewerSchemas, newer_schema, register
from tests.waiting import eventually

pytestmark = pytest.mark.faults


def test_known_schemas_go_on_and_a_new_one_waits_for_the_registry(chain: Chain) -> None:
    award, *_ = chain.start("award", "relay", "project")
    chain.load(events=1_500, per_s=1_000)
    chain.wait_all_counted()
    schema = newer_schema()
    number = register(chain.addresses, schema)
    chain.servers.registry.stop()

    strangers = firsts(chain.stream(events=300, seed=2))
    chain.activities += (activity_of(each) for each in strangers)
    known = [each for each in strangers if each.topic != TOPIC]
    new = [each for each in strangers if each.topic == TOPIC]
    wanted = chain.counted() + len(known)
    chain.publish(known[:50])
    publish(new, chain.addresses.kafka_bootstrap, NewerSchemas(number, schema))
    chain.wait_failures(award, 2)
    chain.publish(known[50:])
    eventually(lambda: chain.counted() >= wanted, within_s=60)
    chain.wait_failures(award, 2)
    assert chain.counted() == wanted
    assert award.is_running()
    chain.servers.registry.start()
    chain.settle()
