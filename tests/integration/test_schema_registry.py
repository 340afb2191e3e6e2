"""The real registry: ids new and unknown, BACKWARD, and what happens while it is away."""

import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.devstack.server import Addresses
from gamification.adapters.kafka import schema_files
from gamification.adapters.kafka.registry import (
    BACKWARD,
    LOOKUPS_AT_ONCE,
    UNKNOWN_FOR_S,
    Incompatible,
    SchemaRegistry,
)
from gamification.domain.activity import Kind
from gamification.domain.errors import Halt, Reason, Rejected, Unavailable
from gamification.wire.decode import Decoder
from tests.records import NOW_MS, SCHEMAS, body, datum, framed, record

pytestmark = pytest.mark.servers

P = Kind.POINTS_EARNED
NOWHERE = 1_900_000_000


class Clock:
    """Moves when told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(servers: Addresses, clock: Clock) -> Iterator[SchemaRegistry]:
    registry = SchemaRegistry(servers.registry_url, clock=clock)
    yield registry
    registry.close()


@pytest.fixture
def topic() -> str:
    """A subject that no other test knows."""
    return f"points.{uuid.uuid4().hex}"


def schema(**more: Any) -> str:
    """A `PointsEarned` of its own, so that its id is new."""
    fields = [*json.loads(SCHEMAS[P])["fields"], *more.get("fields", [])]
    return json.dumps({**json.loads(SCHEMAS[P]), "fields": fields, "doc": uuid.uuid4().hex})


def decoder(registry: SchemaRegistry) -> Decoder:
    return Decoder(registry.writer_schema, readers=SCHEMAS, now_ms=lambda: NOW_MS)


def test_our_schemas_can_be_registered_twice(registry: SchemaRegistry) -> None:
    for name, text in schema_files.current().items():
        schema_id = registry.register(name, text)

        assert registry.register(name, text) == schema_id
        assert registry.id_of(name, text) == schema_id
        assert json.loads(registry.writer_schema(schema_id)) == json.loads(text)


def test_what_is_not_registered_has_no_id(registry: SchemaRegistry, topic: str) -> None:
    assert registry.id_of(topic, SCHEMAS[P]) is None
    assert registry.compatibility(topic) is None


def test_under_backward_a_version_that_cannot_read_old_ones_is_refused(
    registry: SchemaRegistry, topic: str
) -> None:
    registry.register(topic, SCHEMAS[P])
    registry.set_compatibility(topic)

    assert registry.compatibility(topic) == BACKWARD
    registry.register(
        topic, schema(fields=[{"name": "a", "type": ["null", "long"], "default": None}])
    )
    with pytest.raises(Incompatible):
        registry.register(topic, schema(fields=[{"name": "b", "type": "long"}]))


def test_what_is_no_schema_is_our_fault(registry: SchemaRegistry, topic: str) -> None:
    with pytest.raises(Halt):
        registry.register(topic, '{"type": "record"')


def test_a_record_of_a_new_schema_is_decoded(registry: SchemaRegistry, topic: str) -> None:
    text = schema(fields=[{"name": "campaign", "type": "string"}])
    content = framed(registry.register(topic, text), body(text, datum(P, campaign="summer")))

    decoded = decoder(registry).decode(record(P, content))

    assert decoded.activity is not None
    assert dict(decoded.activity.fields) == {"points": 150}


def test_an_unknown_id_is_asked_for_once(registry: SchemaRegistry, clock: Clock) -> None:
    with pytest.raises(Rejected) as refusal:
        registry.writer_schema(NOWHERE)
    assert refusal.value.reason is Reason.UNKNOWN_SCHEMA

    unplug(registry)
    with pytest.raises(Rejected):
        registry.writer_schema(NOWHERE)
    clock.now_s += UNKNOWN_FOR_S
    with pytest.raises(Unavailable):
        registry.writer_schema(NOWHERE)


def test_ids_that_nobody_can_have_are_not_asked_for(registry: SchemaRegistry) -> None:
    unplug(registry)

    for schema_id in (2**31, 2**32 - 1):
        with pytest.raises(Rejected):
            registry.writer_schema(schema_id)


def test_invented_ids_do_not_become_requests_without_end(
    registry: SchemaRegistry, clock: Clock
) -> None:
    details = []
    for schema_id in range(NOWHERE, NOWHERE + int(LOOKUPS_AT_ONCE) + 1):
        with pytest.raises(Rejected) as refusal:
            registry.writer_schema(schema_id)
        details.append(refusal.value.detail)

    assert [d for d in details if "not asked" in d] == details[-1:]
    clock.now_s += 1
    with pytest.raises(Rejected, match="none by that number"):
        registry.writer_schema(NOWHERE + int(LOOKUPS_AT_ONCE))


def test_while_the_registry_is_away_known_schemas_work_and_new_ones_wait(
    registry: SchemaRegistry, topic: str
) -> None:
    text, newer = schema(), schema()
    known = framed(registry.register(topic, text), body(text, datum(P)))
    new = framed(registry.register(topic, newer), body(newer, datum(P)))
    one = decoder(registry)
    one.decode(record(P, known))

    unplug(registry)

    assert one.decode(record(P, known)).activity is not None
    with pytest.raises(Unavailable):
        one.decode_all([record(P, known), record(P, new)])


def test_another_server_that_answers_404_is_not_a_registry_without_the_schema(
    servers: Addresses,
) -> None:
    elsewhere = SchemaRegistry(servers.registry_url.replace("ccompat", "nothing"))

    with pytest.raises(Unavailable):
        elsewhere.writer_schema(1)
    elsewhere.close()


def test_a_registry_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        registry = SchemaRegistry(f"http://127.0.0.1:{port}", timeout_s=0.2)

        with pytest.raises(Unavailable):
            registry.writer_schema(1)
        registry.close()


def unplug(registry: SchemaRegistry) -> None:
    """From now on nobody answers at the registry's address."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    registry._client._rest_client.base_urls = [f"http://127.0.0.1:{port}"]
