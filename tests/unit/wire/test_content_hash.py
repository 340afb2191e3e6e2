"""Two contents under one id have two hashes; one content has one, however it was written."""

import json
from hashlib import blake2b

import pytest

from gamification.domain.activity import Kind
from tests.records import (
    CUSTOMER,
    HOUR_MS,
    NOW_MS,
    SCHEMAS,
    accepted,
    body,
    datum,
    decoder,
    framed,
    record,
    value,
)

P, L, T, U, A = Kind
OTHER = "ffffffff-2222-4333-8444-555566667777"

DIFFERENT = [
    (P, "points", 151),
    (P, "customer_id", OTHER),
    (P, "occurred_at", NOW_MS - HOUR_MS + 1),
    (P, "occurred_at", None),
    (L, "lesson_id", "lesson-18"),
    (L, "course_id", None),
    (L, "score", 87),
    (L, "score", None),
    (T, "outcome", "LOSS"),
    (T, "prize_coins", None),
    (T, "prize_coins", 0),
    (U, "email", ""),
    (U, "language", "pt"),
    (U, "timezone", None),
    (A, "activity_type", "nightly_login"),
    (A, "amount", None),
    (A, "attributes", {"channel": "web", "device": "phone", "x": ""}),
    (A, "attributes", {"channel": "phone", "device": "web"}),
    (A, "attributes", {"channel": "web"}),
    (A, "attributes", {}),
]

HASHES = [
    -6228420394828651290,
    -1664757295780061690,
    -5534039554966815238,
    -4433773355058057364,
    9128800522896250243,
]

SAME = [
    (P, "trace_id", "another"),
    (P, "event_id", OTHER),
    (P, "merchant_id", OTHER),
    (P, "customer_id", CUSTOMER.upper()),
    (U, "email", "grace@example.org"),
    (A, "attributes", {"device": "phone", "channel": "web"}),
]


def hash_of(kind: Kind, **changes: object) -> int:
    return accepted(decoder(), record(kind, value(kind, **changes))).content_hash


@pytest.mark.parametrize(("kind", "name", "content"), DIFFERENT)
def test_other_content_has_another_hash(kind: Kind, name: str, content: object) -> None:
    assert hash_of(kind, **{name: content}) != hash_of(kind)


@pytest.mark.parametrize(("kind", "name", "content"), SAME)
def test_what_is_no_content_leaves_the_hash_alone(kind: Kind, name: str, content: object) -> None:
    assert hash_of(kind, **{name: content}) == hash_of(kind)


def test_topics_tell_like_fields_apart() -> None:
    assert len({hash_of(kind) for kind in Kind}) == len(Kind)


def test_a_field_added_with_a_null_default_leaves_old_hashes_alone() -> None:
    schema = json.loads(SCHEMAS[P])
    schema["fields"].append({"name": "campaign", "type": ["null", "string"], "default": None})
    newer = json.dumps(schema)
    content = framed(77, body(newer, datum(P, campaign=None)))

    activity = accepted(decoder({77: newer}), record(P, content))

    assert activity.content_hash == hash_of(P)


def test_the_hash_is_of_names_and_values_with_nul_between() -> None:
    form = f"lesson.completed\0{CUSTOMER.replace('-', '')}\0lesson_id\0lesson-17\0score\0" + "88"

    expected = blake2b(form.encode(), digest_size=8).digest()

    assert hash_of(L, course_id=None, occurred_at=None) == int.from_bytes(expected, signed=True)


def test_the_hash_never_changes() -> None:
    """Kept for ever beside each event id: another value would make every replay a conflict."""
    assert [hash_of(kind) for kind in Kind] == HASHES
