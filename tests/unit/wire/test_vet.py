"""Which writers' schemas are decoded with, and which are refused before any record is."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from gamification.domain.activity import Kind
from gamification.domain.errors import Reason, Rejected
from gamification.wire.decode import WRITERS_MAX
from gamification.wire.vet import plain, vetted
from tests.records import SCHEMAS, accepted, body, datum, decoder, framed, record, refused, value

P, L, T, U, A = Kind
Schema = dict[str, Any]


def with_field(type_: object, name: str = "extra", kind: Kind = P) -> str:
    """Our schema with one more field, or with another type for a field of ours."""
    schema: Schema = json.loads(SCHEMAS[kind])
    schema["fields"] = [f for f in schema["fields"] if f["name"] != name]
    return json.dumps({**schema, "fields": [*schema["fields"], {"name": name, "type": type_}]})


def changed(kind: Kind, change: Callable[[Schema], object]) -> str:
    schema: Schema = json.loads(SCHEMAS[kind])
    change(schema)
    return json.dumps(schema)


def deep(depth: int) -> object:
    type_: object = "long"
    for level in range(depth):
        fields = [{"name": "inner", "type": type_}]
        type_ = {"type": "record", "name": f"Level{level}", "fields": fields}
    return type_


EMPTY_RECORD = {"type": "record", "name": "Empty", "fields": []}
NULLS_RECORD = {"type": "record", "name": "Nulls", "fields": [{"name": "n", "type": "null"}]}
ENUM = {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN"]}
RECURSIVE = {
    "type": "record",
    "name": "Node",
    "fields": [{"name": "next", "type": ["null", "Node"]}],
}

SAFE = [
    "null",
    "boolean",
    "int",
    "long",
    "float",
    "double",
    "string",
    ENUM,
    EMPTY_RECORD,
    ["null", "string"],
    ["string", "null"],
    ["null", ENUM],
    {"type": "string"},
    {"type": "string", "avro.java.string": "String"},
    {"type": "string", "logicalType": "uuid"},
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "array", "items": "string"},
    {"type": "array", "items": ["null", "long"]},
    {"type": "map", "values": "double"},
    {
        "type": "array",
        "items": {"type": "record", "name": "I", "fields": [{"name": "a", "type": ENUM}]},
    },
    deep(6),
]

UNSAFE = {
    "recursion": RECURSIVE,
    "recursion through an array": {
        "type": "record",
        "name": "Tree",
        "fields": [{"name": "children", "type": {"type": "array", "items": "Tree"}}],
    },
    "recursion into the whole": {"type": "array", "items": "PointsEarned"},
    "recursion by full name": ["null", "gamification.events.PointsEarned"],
    "array of null": {"type": "array", "items": "null"},
    "map of null": {"type": "map", "values": "null"},
    "array of empty records": {"type": "array", "items": EMPTY_RECORD},
    "array of records of null": {"type": "array", "items": NULLS_RECORD},
    "map of empty records": {"type": "map", "values": EMPTY_RECORD},
    "array of arrays": {"type": "array", "items": {"type": "array", "items": "long"}},
    "array of optional maps": {
        "type": "array",
        "items": ["null", {"type": "map", "values": "int"}],
    },
    "map of records of arrays": {
        "type": "map",
        "values": {
            "type": "record",
            "name": "R",
            "fields": [{"name": "a", "type": {"type": "array", "items": "long"}}],
        },
    },
    "bytes": "bytes",
    "decimal": {"type": "bytes", "logicalType": "decimal", "precision": 400_000, "scale": 2},
    "fixed": {"type": "fixed", "name": "F", "size": 16},
    "fixed of no size": {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}},
    "big decimal": {"type": "string", "logicalType": "big-decimal"},
    "timestamp in other units": {"type": "long", "logicalType": "timestamp-micros"},
    "logical type that is no text": {"type": "long", "logicalType": ["timestamp-millis"]},
    "union of three": ["null", "string", "long"],
    "union of one": ["string"],
    "union of none": [],
    "union without null": ["string", "long"],
    "union of nulls": ["null", "null"],
    "union in a union": ["null", ["null", "long"]],
    "unknown type": "text",
    "type by name": "Colour",
    "no type": None,
    "number as type": 7,
    "nested type": {"type": {"type": "long"}},
    "array without items": {"type": "array"},
    "map without values": {"type": "map"},
    "record without fields": {"type": "record", "name": "R"},
    "record without a name": {"type": "record", "fields": []},
    "field that is none": {"type": "record", "name": "R", "fields": ["long"]},
    "field without a name": {"type": "record", "name": "R", "fields": [{"type": "long"}]},
    "field twice": {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}] * 2},
    "name with a line break": {"type": "record", "name": "R\nS", "fields": []},
    "name of a primitive": {"type": "record", "name": "string", "fields": []},
    "name that is taken": {"type": "record", "name": "PointsEarned", "fields": []},
    "enum without symbols": {"type": "enum", "name": "E", "symbols": []},
    "enum with a symbol twice": {"type": "enum", "name": "E", "symbols": ["A", "A"]},
    "enum with odd symbols": {"type": "enum", "name": "E", "symbols": ["A", 7]},
    "error": {"type": "error", "name": "E", "fields": []},
    "too deep": deep(20),
    "too many symbols": {"type": "enum", "name": "E", "symbols": [f"S{n}" for n in range(500)]},
    "too many fields": {
        "type": "record",
        "name": "R",
        "fields": [{"name": f"f{n}", "type": "long"} for n in range(500)],
    },
}

NOT_OURS = {
    "a field is missing": lambda schema: schema["fields"].pop(0),
    "another name": lambda schema: schema.update(name="LessonCompleted"),
    "an optional id": lambda schema: schema["fields"][0].update(type=["null", "string"]),
    "an id as number": lambda schema: schema["fields"][0].update(type="long"),
    "points as text": lambda schema: schema["fields"][3].update(type="string"),
    "points as float": lambda schema: schema["fields"][3].update(type="double"),
    "time as text": lambda schema: schema["fields"][4].update(type=["null", "string"]),
}


@pytest.mark.parametrize("type_", SAFE, ids=str)
def test_a_safe_schema_is_decoded_with(type_: object) -> None:
    vetted(with_field(type_), SCHEMAS[P])


@pytest.mark.parametrize("type_", UNSAFE.values(), ids=UNSAFE)
def test_an_unsafe_schema_is_refused(type_: object) -> None:
    with pytest.raises(Rejected) as refusal:
        vetted(with_field(type_), SCHEMAS[P])

    assert refusal.value.reason is Reason.UNSAFE_SCHEMA
    assert refusal.value.detail.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "7",
        "[]",
        '"string"',
        "{",
        "[" * 100_000,
        '{"type":' * 5_000,
        '{"type": "record"}',
        "9" * 10_000,
        '{"a":' + "1" * 5000 + "}",
        " " * 70_000 + '"string"',
        SCHEMAS[P].replace('"', "'"),
    ],
    ids=range(13),
)
def test_a_text_that_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(Rejected):
        plain(text)


def test_a_schema_that_is_too_long_is_refused_for_that() -> None:
    with pytest.raises(Rejected, match="longer than"):
        plain(SCHEMAS[P] + " " * 70_000)


@pytest.mark.parametrize("change", NOT_OURS.values(), ids=NOT_OURS)
def test_a_schema_that_is_not_ours_is_refused(change: Callable[[Schema], object]) -> None:
    with pytest.raises(Rejected) as refusal:
        vetted(changed(P, change), SCHEMAS[P])

    assert refusal.value.reason is Reason.UNSAFE_SCHEMA


def test_a_writers_field_that_we_do_not_know_is_left_out() -> None:
    schema = with_field({"type": "array", "items": "string"})
    content = framed(77, body(schema, datum(P, extra=["a", "b"])))

    assert accepted(decoder({77: schema}), record(P, content)) == accepted(
        decoder(), record(P, value(P))
    )


def test_a_writer_may_lack_optional_fields_and_use_smaller_numbers() -> None:
    schema = changed(L, lambda s: s["fields"].pop(4))
    schema = with_field("int", "score", L).replace('"course_id"', '"unused"')
    content = framed(77, body(schema, datum(L, unused=None, score=88)))

    activity = accepted(decoder({77: schema}), record(L, content))

    assert dict(activity.fields) == {"lesson_id": "lesson-17", "score": 88}


def test_a_schema_in_another_namespace_is_the_same_schema() -> None:
    schema = changed(P, lambda s: s.update(namespace="com.example"))
    content = framed(77, body(schema, datum(P)))

    accepted(decoder({77: schema}), record(P, content))


def test_a_schema_is_vetted_and_asked_for_once_per_topic() -> None:
    asked: list[int] = []
    one = decoder({77: with_field(RECURSIVE)}, asked.append)

    for _ in range(3):
        accepted(one, record(P, value(P)))
        assert refused(one, record(P, framed(77, b"x"))).reason is Reason.UNSAFE_SCHEMA

    assert asked == [1, 77]


def test_writers_are_forgotten_before_they_become_too_many() -> None:
    one = decoder(dict.fromkeys(range(WRITERS_MAX + 50), SCHEMAS[P]))

    for number in range(WRITERS_MAX + 50):
        accepted(one, record(P, framed(number, value(P)[5:])))

    assert len(one._topics[P].writers) <= WRITERS_MAX


def test_another_topics_schema_is_refused() -> None:
    letter = refused(decoder(), record(L, value(P)))

    assert letter.reason is Reason.UNSAFE_SCHEMA
