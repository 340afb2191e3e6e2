"""A producer who is ahead of us: its schema has a field that we have never heard of."""

import json
import struct
from contextlib import closing
from io import BytesIO
from typing import Any

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from fastavro import parse_schema, schemaless_writer

from bench.workload import WriterSchemas
from bench.workload.delivery import Datum
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


class NewerSchemas(WriterSchemas):
    """Writes with a schema that has one more field."""

    def __init__(self, number: int, schema: dict[str, Any]) -> None:
        """`number` is the schema's id."""
        super().__init__({}, hostile_id=number)
        self._frame = struct.pack(">bI", 0, number)
        self._schema = parse_schema(schema)
        self._added = schema["fields"][-1]["name"]

    def encode(self, topic: str, datum: Datum) -> bytes:
        """The whole value of a record of TOPIC."""
        assert topic == TOPIC
        out = BytesIO()
        out.write(self._frame)
        schemaless_writer(out, self._schema, {**datum, self._added: "spring"})
        return out.getvalue()
