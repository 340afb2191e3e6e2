"""A producer who is ahead of us: its schema has a field that we have never heard of."""

import json
import struct
from contextlib import closing
from io import BytesIO
from typing import Any

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from fastavro import parse_schema, schemaless_writer

from bench.workload import Delivery
from bench.workload.publish import producer
from bench.workload.writer import SCHEMAS
from deploy.devstack.server import Addresses
from gamification.domain.activity import Kind

TOPIC = Kind.POINTS_EARNED.value


def newer_schema(field: str = "campaign") -> dict[str, Any]:
    """One more field, with a default."""
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{TOPIC}.avsc").read_text())
    schema["fields"].append({"name": field, "type": ["null", "string"], "default": None})
    return schema


def register(
    addresses: Addresses, schema: dict[str, Any], subject: str = "a-newer-producer"
) -> int:
    """Its id. Under a name of its own: what others are to write stays the topic's latest."""
    conf: dict[str, Any] = {"url": addresses.registry_url, "timeout": 5}
    with closing(SchemaRegistryClient(conf)) as client:
        return client.register_schema(subject, Schema(json.dumps(schema), schema_type="AVRO"))


def publish_with(
    addresses: Addresses, number: int, schema: dict[str, Any], deliveries: list[Delivery]
) -> None:
    """As written with a schema that has one more field. Returns when all are stored."""
    parsed = parse_schema(schema)
    [*_, added] = schema["fields"]
    client = producer(addresses.kafka_bootstrap)
    for each in deliveries:
        out = BytesIO()
        out.write(struct.pack(">bI", 0, number))
        schemaless_writer(out, parsed, {**each.datum, added["name"]: "spring"})
        client.produce(TOPIC, out.getvalue(), each.key, timestamp=each.timestamp_ms)
    assert client.flush(60) == 0
