"""The schema registry is away: what is known goes on, what is new waits."""

import json
import struct
from contextlib import closing
from io import BytesIO
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from fastavro import parse_schema, schemaless_writer

from bench.workload import Delivery
from bench.workload.publish import producer
from bench.workload.writer import SCHEMAS
from gamification.domain.activity import Kind
from tests.faults.deliveries import activity_of, firsts
from tests.faults.harness import Chain
from tests.waiting import eventually

pytestmark = pytest.mark.faults

TOPIC = Kind.POINTS_EARNED.value


def newer_schema() -> dict[str, Any]:
    """As a producer who is ahead of us writes: one more field, with a default."""
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{TOPIC}.avsc").read_text())
    schema["fields"].append({"name": "campaign", "type": ["null", "string"], "default": None})
    return schema


def test_known_schemas_go_on_and_a_new_one_waits_for_the_registry(chain: Chain) -> None:
    award, *_ = chain.start("award", "relay", "project")
    chain.load(events=1_500, per_s=1_000)
    chain.wait_all_counted()
    schema = newer_schema()
    conf: dict[str, Any] = {"url": chain.addresses.registry_url, "timeout": 5}
    with closing(SchemaRegistryClient(conf)) as client:
        # Under a name of its own: what others are to write stays the topic's latest version.
        number = client.register_schema(
            "a-newer-producer", Schema(json.dumps(schema), schema_type="AVRO")
        )
    chain.servers.registry.stop()

    strangers = firsts(chain.stream(events=300, seed=2))
    chain.activities += (activity_of(each) for each in strangers)
    known = [each for each in strangers if each.topic != TOPIC]
    new = [each for each in strangers if each.topic == TOPIC]
    wanted = chain.counted() + len(known)
    chain.publish(known[:50])
    publish_with(chain, number, schema, new)
    chain.wait_failures(award, 2)
    chain.publish(known[50:])
    eventually(lambda: chain.counted() >= wanted, within_s=60)
    chain.wait_failures(award, 2)
    assert chain.counted() == wanted
    assert award.is_running()
    chain.servers.registry.start()
    chain.settle()


def publish_with(
    chain: Chain, number: int, schema: dict[str, Any], deliveries: list[Delivery]
) -> None:
    """As written with a schema that has one more field."""
    parsed = parse_schema(schema)
    client = producer(chain.addresses.kafka_bootstrap)
    for each in deliveries:
        out = BytesIO()
        out.write(struct.pack(">bI", 0, number))
        schemaless_writer(out, parsed, {**each.datum, "campaign": "spring"})
        client.produce(TOPIC, out.getvalue(), each.key, timestamp=each.timestamp_ms)
    assert client.flush(30) == 0
