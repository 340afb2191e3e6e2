"""Avro in Confluent's framing, as an upstream service writes it: 0, schema id, body."""

import json
import struct
from collections.abc import Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from fastavro import parse_schema, schemaless_writer

from bench.workload.delivery import Datum
from gamification.domain.activity import Kind

SCHEMAS: Final = Path(__file__).parents[2] / "schemas"
REGISTRY_TIMEOUT_S: Final = 5
HOSTILE_SUBJECT: Final = "workload.hostile-value"
HOSTILE_SCHEMA: Final = {
    "type": "record",
    "name": "Endless",
    "namespace": "workload",
    "fields": [{"name": "next", "type": ["null", "Endless"], "default": None}],
}
"""Recursive: a few bytes of it can exhaust a naive reader."""


class WriterSchemas:
    """The five input schemas and the ids under which the registry knows them."""

    def __init__(self, ids: Mapping[str, int], hostile_id: int) -> None:
        self.hostile_id = hostile_id
        self._parsed = {
            topic: parse_schema(json.loads((SCHEMAS / f"{topic}.avsc").read_text()))
            for topic in ids
        }
        self._frames = {topic: struct.pack(">bI", 0, schema) for topic, schema in ids.items()}

    @classmethod
    def from_registry(cls, url: str) -> "WriterSchemas":
        """Asks for the latest id of each topic's subject, and registers the hostile schema."""
        conf: dict[str, Any] = {"url": url, "timeout": REGISTRY_TIMEOUT_S}
        with closing(SchemaRegistryClient(conf)) as client:
            found = {kind.value: client.get_latest_version(f"{kind.value}-value") for kind in Kind}
            hostile = Schema(json.dumps(HOSTILE_SCHEMA), schema_type="AVRO")
            hostile_id = client.register_schema(HOSTILE_SUBJECT, hostile)
        ids = {topic: int(version.schema_id or 0) for topic, version in found.items()}
        return cls(ids, hostile_id)

    @classmethod
    def without_registry(cls) -> "WriterSchemas":
        """Made-up ids, for tests that never reach Kafka."""
        return cls({kind.value: number for number, kind in enumerate(Kind, start=1)}, 99)

    def encode(self, topic: str, datum: Datum) -> bytes:
        """The whole value of a record."""
        out = BytesIO()
        out.write(self._frames[topic])
        schemaless_writer(out, self._parsed[topic], datum)
        return out.getvalue()
