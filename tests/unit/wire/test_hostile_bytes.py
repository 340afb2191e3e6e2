"""Bytes that are no record: each becomes a letter, quickly, and none an exception."""

import json
import time
from typing import Any, Final

import pytest

from gamification.domain.activity import Kind
from gamification.domain.errors import Reason
from gamification.wire.decode import Decoder
from gamification.wire.encode import long
from tests.records import (
    IDS,
    SCHEMAS,
    accepted,
    body,
    datum,
    decoder,
    framed,
    record,
    refused,
    value,
)

P, L, T, U, A = Kind
GOOD: Final = value(P)
IDS_PART: Final = GOOD[:116]
"""Header and the three ids of `points.earned`; points, time and trace follow."""
QUICK_S: Final = 1.0
"""Two hundred times what the slowest of these takes here; endless is what it must not be."""


def extra(type_: object) -> tuple[Decoder, bytes]:
    """A decoder that knows schema 77 = ours with one more field; bytes up to that field."""
    schema: dict[str, Any] = json.loads(SCHEMAS[P])
    schema["fields"].append({"name": "extra", "type": type_})
    return decoder({77: json.dumps(schema)}), framed(77, body(SCHEMAS[P], datum(P)))


NO_RECORD: Final = {
    "empty": b"",
    "null": None,
    "wrong magic byte": b"\1" + GOOD[1:],
    "header alone": GOOD[:5],
    "part of a header": GOOD[:4],
    "one byte": b"\0",
    "trailing byte": GOOD + b"\0",
    "two records": GOOD + GOOD[5:],
    "text": b'{"points": 5}',
    "zeros": framed(IDS[P], bytes(1000)),
    "ones": framed(IDS[P], b"\xff" * 1000),
    "negative length": framed(IDS[P], long(-1) + GOOD[6:]),
    "most negative length": framed(IDS[P], long(-(2**63)) + GOOD[6:]),
    "huge length": framed(IDS[P], long(2**62) + GOOD[6:]),
    "largest length": framed(IDS[P], long(2**63 - 1) + GOOD[6:]),
    "number without end": framed(IDS[P], b"\x80" * 1_000_000),
    "number of 11 bytes": IDS_PART + b"\x80" * 10 + b"\x01" + b"\0\0",
    "number of 65 bits": IDS_PART + b"\xff" * 9 + b"\x02" + b"\0\0",
    "union's index too large": IDS_PART + long(150) + long(2) + b"\0",
    "union's index negative": IDS_PART + long(150) + long(-1) + long(5) + b"\0",
    "union's index over-long": IDS_PART + long(150) + b"\x80\0" + b"\0",
    "broken UTF-8": GOOD.replace(b"0190f3c2", b"\xff\xfe\xc0\x80\xed\xa0\x80\xf8"),
}


@pytest.mark.parametrize("content", NO_RECORD.values(), ids=NO_RECORD)
def test_bytes_that_are_no_record_are_malformed(content: bytes | None) -> None:
    letter = refused(decoder(), record(P, content))

    assert letter.reason is Reason.MALFORMED
    assert letter.value == content
    assert (letter.event_id, letter.merchant_id) == (None, None)


@pytest.mark.parametrize("kind", Kind)
def test_a_record_cut_anywhere_is_malformed(kind: Kind) -> None:
    whole, one = value(kind), decoder()
    accepted(one, record(kind, whole))

    for size in range(len(whole)):
        assert refused(one, record(kind, whole[:size])).reason is Reason.MALFORMED


def test_the_largest_value_is_decoded_and_one_byte_more_is_not() -> None:
    one = decoder(value_bytes_max=len(GOOD))

    accepted(one, record(P, GOOD))
    letter = refused(one, record(P, value(P, points=1_000_000)))

    assert letter.reason is Reason.TOO_LARGE
    assert letter.value == value(P, points=1_000_000)


def test_a_string_of_ten_megabytes_is_kept_whole_but_not_read() -> None:
    content = value(L, lesson_id="x" * 10_000_000)

    letter = refused(decoder(), record(L, content))

    assert letter.reason is Reason.TOO_LARGE
    assert letter.value == content


ENUM: Final = {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN"]}
ARRAY: Final = {"type": "array", "items": "long"}
MAP: Final = {"type": "map", "values": "long"}
WIDE: Final = {
    "type": "array",
    "items": {
        "type": "record",
        "name": "Wide",
        "fields": [{"name": f"f{n}", "type": ["null", "long"]} for n in range(40)],
    },
}
MEGABYTE: Final = 1_000_000

NO_FIELD: Final = {
    "enum's index too large": (ENUM, long(2)),
    "enum's index huge": (ENUM, long(2**63 - 1)),
    "enum's index negative": (ENUM, long(-1)),
    "int too large": ("int", long(2**31)),
    "int too small": ("int", long(-(2**31) - 1)),
    "boolean of two": ("boolean", b"\2"),
    "half a double": ("double", b"\0\0\0\0"),
    "half a float": ("float", b"\0"),
    "double after a huge string": (
        {
            "type": "record",
            "name": "R",
            "fields": [{"name": "s", "type": "string"}, {"name": "d", "type": "double"}],
        },
        long(2**63 - 1),
    ),
    "negative string, to be read twice": (
        {
            "type": "record",
            "name": "R",
            "fields": [{"name": "s", "type": "string"}, {"name": "n", "type": "long"}],
        },
        long(-1),
    ),
    "array that claims too much": (ARRAY, long(2**62) + b"\0" * 100),
    "array of many": (ARRAY, long(1001) + b"\0" * 1001 + b"\0"),
    "array of many blocks": (ARRAY, (long(1) + b"\0") * 1001 + b"\0"),
    "array of a megabyte": (ARRAY, long(MEGABYTE) + b"\0" * MEGABYTE + b"\0"),
    "array of negative blocks": (ARRAY, (long(-(2**63)) + long(0)) * 50_000 + b"\0"),
    "array with a negative size": (ARRAY, long(-1) + long(-8) + b"\0\0"),
    "map of a megabyte": (MAP, long(MEGABYTE // 2) + b"\0\0" * (MEGABYTE // 2) + b"\0"),
    "wide records": (WIDE, long(25_000) + b"\0" * MEGABYTE + b"\0"),
    "array without an end": (ARRAY, long(1) + b"\0"),
}


@pytest.mark.parametrize(("type_", "content"), NO_FIELD.values(), ids=NO_FIELD)
def test_a_field_that_is_no_value_of_its_type_is_malformed(type_: object, content: bytes) -> None:
    one, before = extra(type_)
    started = time.process_time()

    letter = refused(one, record(P, before + content))

    assert letter.reason is Reason.MALFORMED
    assert time.process_time() - started < QUICK_S


FITTING: Final = {
    "first symbol": (ENUM, long(0)),
    "last symbol": (ENUM, long(1)),
    "boolean": ("boolean", b"\1"),
    "float": ("float", b"\0\0\xc0\x7f"),
    "double": ("double", b"\xff" * 8),
    "null": ("null", b""),
    "an array of as many as we take": (ARRAY, long(1000) + b"\0" * 1000 + b"\0"),
    "an array in blocks with sizes": (
        ARRAY,
        long(-2) + long(2) + b"\0\2" + long(1) + b"\0" + b"\0",
    ),
    "the widest records that we take": (WIDE, long(1000) + b"\0" * 40_000 + b"\0"),
    "a number with more bytes than it needs": ("long", b"\x80\x80\0"),
}


@pytest.mark.parametrize(("type_", "content"), FITTING.values(), ids=FITTING)
def test_a_field_that_we_do_not_know_is_read_over(type_: object, content: bytes) -> None:
    one, before = extra(type_)
    started = time.process_time()

    accepted(one, record(P, before + content))

    assert time.process_time() - started < QUICK_S


@pytest.mark.parametrize(
    "type_",
    [
        {"type": "array", "items": "null"},
        {"type": "bytes", "logicalType": "decimal", "precision": 400_000, "scale": 0},
        {
            "type": "record",
            "name": "Node",
            "fields": [{"name": "next", "type": ["null", "Node"]}],
        },
    ],
    ids=["zero-size items", "decimal", "recursion"],
)
def test_what_kills_other_decoders_is_never_decoded(type_: object) -> None:
    one, before = extra(type_)

    letter = refused(one, record(P, before + b"\2" * 200_000))

    assert letter.reason is Reason.UNSAFE_SCHEMA


def test_a_map_with_one_key_many_times_is_one_entry() -> None:
    ids = value(A)[:116]
    entry = b"\2k\2v"
    content = ids + b"\x02a" + b"\0" + long(3) + entry * 3 + b"\0" + b"\0\0"

    assert accepted(decoder(), record(A, content)).fields["attributes.k"] == "v"


@pytest.mark.parametrize("schema_id", [0, 2**31, 2**32 - 1])
def test_an_id_that_no_registry_has_is_an_unknown_schema(schema_id: int) -> None:
    assert refused(decoder(), record(P, framed(schema_id, b"x"))).reason is Reason.UNKNOWN_SCHEMA
