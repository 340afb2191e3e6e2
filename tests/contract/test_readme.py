"""The README's example is what a stranger runs first: run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from deploy.devstack.server import Addresses
from gamification.adapters.kafka import schema_files
from gamification.adapters.kafka.registry import SchemaRegistry
from gamification.domain.activity import Kind
from gamification.wire.decode import Decoder
from gamification.wire.envelope import Record
from tests.servers import Topics
from tests.waiting import eventually

README = Path(__file__).parents[2] / "README.md"
TOPIC = str(Kind.POINTS_EARNED)


def python_example() -> str:
    found = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None, "the README has no example in Python"
    return found[1]


@pytest.mark.servers
def test_the_first_event_of_the_readme_is_one_that_we_count(
    servers: Addresses, kafka_topics: Topics
) -> None:
    kafka_topics.create(TOPIC)
    registry = SchemaRegistry(servers.registry_url)
    readers = schema_files.current()
    registry.register(TOPIC, readers[TOPIC])
    before = ends(servers)

    subprocess.run(
        [sys.executable, "-c", python_example()],
        env={
            **os.environ,
            "KAFKA_BROKER": servers.kafka_bootstrap,
            "GAMIFICATION_SCHEMA_REGISTRY_URL": servers.registry_url,
        },
        check=True,
        timeout=60,
    )

    decoder = Decoder(registry.writer_schema, readers=readers, now_ms=lambda: 2**42)
    decoded = decoder.decode(eventually(lambda: first_record_after(servers, before), within_s=30))
    assert decoded.letter is None
    assert decoded.activity is not None
    assert decoded.activity.fields == {"points": 120}
    registry.close()


def ends(servers: Addresses) -> list[TopicPartition]:
    consumer = Consumer({"bootstrap.servers": servers.kafka_bootstrap, "group.id": "readme"})
    try:
        partitions = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
        return [
            TopicPartition(
                TOPIC, p, consumer.get_watermark_offsets(TopicPartition(TOPIC, p), 10)[1]
            )
            for p in partitions
        ]
    finally:
        consumer.close()


def first_record_after(servers: Addresses, places: list[TopicPartition]) -> Record:
    consumer = Consumer({"bootstrap.servers": servers.kafka_bootstrap, "group.id": "readme"})
    try:
        consumer.assign(places)
        message = consumer.poll(5)
        assert message is not None
        assert message.error() is None
        key, value = message.key(), message.value()
        assert isinstance(key, bytes)
        assert isinstance(value, bytes)
        return Record(
            TOPIC,
            message.partition() or 0,
            message.offset() or 0,
            message.timestamp()[1],
            key,
            value,
            (),
        )
    finally:
        consumer.close()
