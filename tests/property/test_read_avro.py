"""Our Avro reader agrees with fastavro on what is well formed, and survives what is not."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamification.domain.activity import Kind
from gamification.domain.errors import Rejected
from gamification.wire.dead_letter import headers_of, outbox_row
from gamification.wire.envelope import Decoded
from gamification.wire.read import read_record, reading
from tests.records import IDS, SCHEMAS, body, decoder, framed, record, value

LONGS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=80)
FLOATS = st.floats(width=32, allow_nan=False)
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": LONGS,
    "float": FLOATS,
    "double": st.floats(allow_nan=False),
    "string": TEXTS,
}
Typed = tuple[Any, Any]
"""A schema and a value of it."""


@st.composite
def typed(draw: st.DrawFn, names: list[str], depth: int = 2) -> Typed:
    """A random safe schema with a value; `names` are handed out once each."""
    shapes = [*PRIMITIVES, "enum", "optional", "array", "map", "record"]
    shape = draw(st.sampled_from(shapes if depth else shapes[:7]))
    if shape in PRIMITIVES:
        return shape, draw(PRIMITIVES[shape])
    if shape == "enum":
        symbols = ["RED", "GREEN", "BLUE"][: draw(st.integers(1, 3))]
        schema = {"type": "enum", "name": names.pop(), "symbols": symbols}
        return schema, draw(st.sampled_from(symbols))
    if shape == "record":
        parts = [draw(typed(names, depth - 1)) for _ in range(draw(st.integers(0, 3)))]
        fields = [{"name": f"f{n}", "type": type_} for n, (type_, _) in enumerate(parts)]
        record_type = {"type": "record", "name": names.pop(), "fields": fields}
        return record_type, {f"f{n}": held for n, (_, held) in enumerate(parts)}
    if shape == "optional":
        inner, held = draw(typed(names, 0))
        branches = draw(st.permutations(["null", inner]))
        return branches, draw(st.sampled_from([None, held]))
    inner = draw(st.sampled_from(list(PRIMITIVES)))
    if shape == "array":
        items = draw(st.lists(PRIMITIVES[inner], max_size=5))
        return {"type": "array", "items": inner}, items
    entries = draw(st.dictionaries(TEXTS, PRIMITIVES[inner], max_size=5))
    return {"type": "map", "values": inner}, entries


@st.composite
def records(draw: st.DrawFn) -> Typed:
    names = [f"Name{n}" for n in range(100)]
    parts = [draw(typed(names)) for _ in range(draw(st.integers(0, 5)))]
    fields = [{"name": f"field{n}", "type": type_} for n, (type_, _) in enumerate(parts)]
    schema = {"type": "record", "name": "Whole", "fields": fields}
    return schema, {f"field{n}": held for n, (_, held) in enumerate(parts)}


@given(records())
def test_what_fastavro_writes_is_read_as_it_was(whole: Typed) -> None:
    schema, held = whole
    text = json.dumps(schema)

    read = read_record(framed(1, body(text, held)), reading(text, text))

    assert read == held


@given(records(), st.binary(max_size=60))
def test_random_bytes_are_read_or_refused(whole: Typed, content: bytes) -> None:
    text = json.dumps(whole[0])
    try:
        read_record(framed(1, content), reading(text, text))
    except Rejected:
        return


@given(records(), st.data())
def test_nothing_but_the_whole_is_read(whole: Typed, data: st.DataObject) -> None:
    schema, held = whole
    text = json.dumps(schema)
    content = framed(1, body(text, held))
    size = data.draw(st.integers(5, len(content)))
    how = reading(text, text)

    with pytest.raises(Rejected):
        read_record(content + b"\0", how)
    if size < len(content):
        with pytest.raises(Rejected):
            read_record(content[:size], how)


@pytest.mark.parametrize("kind", Kind)
@settings(max_examples=300)
@given(data=st.data())
def test_a_record_with_bytes_changed_is_an_activity_or_a_letter(
    kind: Kind, data: st.DataObject
) -> None:
    content = bytearray(value(kind))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["set", "cut", "insert"])):
            case "set":
                content[at] = data.draw(st.integers(0, 255))
            case "cut":
                del content[at : at + data.draw(st.integers(1, 20))]
                content = content or bytearray(1)
            case _:
                content[at:at] = data.draw(st.binary(min_size=1, max_size=20))

    _one_of_two(decoder().decode(record(kind, bytes(content))))


@given(st.binary(max_size=200), st.sampled_from([*Kind, "gamification.replay", "some.topic"]))
def test_garbage_is_a_letter(content: bytes, topic: str) -> None:
    decoded = decoder().decode(record(topic, content))

    _one_of_two(decoded)
    assert decoded.letter is not None


NAMES = [
    *("topic", "partition", "offset", "timestamp"),
    *("dlq.attempts", "dlq.first_failed_at", "dlq.blanked", "traceparent", "event_id"),
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([name if "." in name else f"dlq.origin.{name}" for name in NAMES]),
            st.one_of(
                st.none(),
                st.binary(max_size=30),
                st.sampled_from([b"points.earned", b"customer.updated", b"0", b"17", b"email"]),
            ),
        ),
        max_size=12,
    ),
    st.one_of(st.none(), st.sampled_from(Kind)),
)
def test_any_headers_on_the_replay_topic_are_survived(
    headers: list[tuple[str, Any]], kind: Kind | None
) -> None:
    content = None if kind is None else value(kind)

    _one_of_two(decoder().decode(record("gamification.replay", content, tuple(headers))))


def _one_of_two(decoded: Decoded) -> None:
    assert (decoded.activity is None) != (decoded.letter is None)
    if decoded.letter is not None:
        row = outbox_row(decoded.letter)
        assert row.letter is not None
        assert "\0" not in row.letter
        assert all(content for name, content in headers_of(row.letter) if name != "dlq.detail")


def test_floats_that_are_no_numbers_are_read() -> None:
    text = '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "double"}]}'
    held = read_record(framed(1, body(text, {"f": math.nan})), reading(text, text))

    assert math.isnan(held["f"])
    assert set(IDS) == set(SCHEMAS) & set(Kind)
