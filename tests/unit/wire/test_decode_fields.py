"""What a record must say to be accepted, topic by topic."""

import pytest

from gamification.domain.activity import EVENT_FIELDS, Kind
from gamification.domain.errors import Reason
from tests.records import (
    CUSTOMER,
    EVENT,
    HOUR_MS,
    MERCHANT,
    NOW_MS,
    TRACEPARENT,
    accepted,
    datum,
    decoder,
    record,
    refused,
    value,
)

P, L, T, U, A = Kind
LONG_MAX = 2**63 - 1

GOOD = [
    (P, "points", 1),
    (P, "points", 1_000_000),
    (L, "lesson_id", "x"),
    (L, "lesson_id", "é" * 128),
    (L, "course_id", None),
    (L, "score", 0),
    (L, "score", 100),
    (L, "score", None),
    (T, "match_id", None),
    (T, "outcome", "WIN"),
    (T, "outcome", "LOSS"),
    (T, "outcome", "DRAW"),
    (T, "placement", 2**31 - 1),
    (T, "prize_coins", 0),
    (T, "prize_coins", 10**12),
    (T, "prize_coins", None),
    (T, "duration_s", 0),
    (U, "email", ""),
    (U, "language", "xx-nowhere"),
    (U, "language", ""),
    (U, "timezone", "Not/A_Zone"),
    (U, "timezone", None),
    (A, "activity_type", "a"),
    (A, "activity_type", "a" + "_9" * 31 + "z"),
    (A, "amount", -(10**12)),
    (A, "amount", 10**12),
    (A, "amount", None),
    (A, "attributes", {}),
    (A, "attributes", {f"key-{n}": "v" * 256 for n in range(16)}),
    (A, "attributes", {"k" * 64: ""}),
    *[(kind, "trace_id", "t" * 64) for kind in Kind],
    *[(kind, "occurred_at", 946_684_800_000) for kind in Kind],
    *[(kind, "occurred_at", NOW_MS + 24 * HOUR_MS) for kind in Kind],
    *[(kind, "event_id", EVENT.upper()) for kind in Kind],
]

BAD = [
    (P, "points", 0),
    (P, "points", -1),
    (P, "points", 1_000_001),
    (P, "points", LONG_MAX),
    (L, "lesson_id", ""),
    (L, "lesson_id", "x" * 129),
    (L, "lesson_id", "nul\0"),
    (L, "course_id", ""),
    (L, "course_id", "x" * 129),
    (L, "score", -1),
    (L, "score", 101),
    (T, "tournament_id", ""),
    (T, "tournament_id", "\0"),
    (T, "match_id", ""),
    (T, "match_id", "x" * 129),
    (T, "outcome", "win"),
    (T, "outcome", "WON"),
    (T, "outcome", ""),
    (T, "placement", 0),
    (T, "placement", 2**31),
    (T, "prize_coins", -1),
    (T, "prize_coins", 10**12 + 1),
    (T, "duration_s", -1),
    (T, "duration_s", LONG_MAX),
    (U, "email", "x" * 321),
    (U, "language", "x" * 65),
    (U, "language", "p\0t"),
    (U, "timezone", "x" * 65),
    (U, "timezone", "\0"),
    (A, "activity_type", ""),
    (A, "activity_type", "_login"),
    (A, "activity_type", "9login"),
    (A, "activity_type", "Login"),
    (A, "activity_type", "log-in"),
    (A, "activity_type", "login\n"),
    (A, "activity_type", "lögin"),
    (A, "activity_type", "a" * 65),
    (A, "amount", 10**12 + 1),
    (A, "amount", -(10**12) - 1),
    (A, "amount", -(2**63)),
    (A, "attributes", {f"key-{n}": "v" for n in range(17)}),
    (A, "attributes", {"": "v"}),
    (A, "attributes", {"k" * 65: "v"}),
    (A, "attributes", {"k\0": "v"}),
    (A, "attributes", {"k": "v" * 257}),
    (A, "attributes", {"k": "\0"}),
    *[(kind, "trace_id", "t" * 65) for kind in Kind],
    *[(kind, "trace_id", "\0") for kind in Kind],
    *[(kind, "occurred_at", 946_684_799_999) for kind in Kind],
    *[(kind, "occurred_at", -(2**63)) for kind in Kind],
]

NOT_UUIDS = [
    "",
    "12345",
    EVENT.replace("-", ""),
    EVENT[:-1],
    EVENT + "0",
    EVENT[:-1] + "g",
    EVENT[:-1] + " ",
    EVENT[:-2] + "  ",
    " " + EVENT[1:],
    EVENT.replace("7b1a", "7b 1"),
    EVENT.replace("-", "_"),
    "{" + EVENT[1:-1] + "}",
    EVENT[:4] + "-" + EVENT[5:],
    EVENT[:7] + "-" + EVENT[7] + EVENT[9:],
    EVENT[:-1] + "\uff11",
    EVENT[:-1] + "\0",
    "-" * 36,
]


@pytest.mark.parametrize("kind", Kind)
def test_a_good_record_becomes_an_activity(kind: Kind) -> None:
    headers = (("other", b"x"), ("traceparent", TRACEPARENT.encode()))

    activity = accepted(decoder(), record(kind, value(kind, trace_id="abc"), headers))

    assert activity.kind is kind
    assert activity.event_id.hex() == EVENT.replace("-", "")
    assert activity.customer_id.hex() == CUSTOMER.replace("-", "")
    assert activity.merchant_id.hex() == MERCHANT.replace("-", "")
    assert activity.occurred_ms == NOW_MS - HOUR_MS
    assert activity.traceparent == TRACEPARENT
    assert activity.trace_id == "abc"
    for name, type_ in EVENT_FIELDS[kind].items():
        assert type(activity.fields[name]) is type_
    assert -(2**63) <= activity.content_hash < 2**63


@pytest.mark.parametrize("given", ["anna@example.org", "anna%40example.org", "Anna S.", "", "ä"])
def test_a_trace_id_that_may_be_something_else_is_not_passed_on(given: str) -> None:
    assert accepted(decoder(), record(A, value(A, trace_id=given))).trace_id is None


@pytest.mark.parametrize(
    "given", ["0af7651916cd43dd8448eb211c80319c", "trace-7", "1-5759e988:b_.d"]
)
def test_a_trace_id_is_passed_on_as_it_is(given: str) -> None:
    assert accepted(decoder(), record(A, value(A, trace_id=given))).trace_id == given


def test_attributes_are_flattened() -> None:
    fields = accepted(decoder(), record(A, value(A, attributes={"b.c": "1", "a": ""}))).fields

    assert dict(fields) == {
        "activity_type": "daily_login",
        "amount": 5,
        "attributes.a": "",
        "attributes.b.c": "1",
    }


def test_null_fields_are_absent() -> None:
    activity = accepted(decoder(), record(L, value(L, course_id=None, score=None)))

    assert dict(activity.fields) == {"lesson_id": "lesson-17"}


@pytest.mark.parametrize(("email", "has_address"), [("ada@example.org", 1), ("", 0)])
def test_only_whether_there_is_an_address_is_kept(email: str, has_address: int) -> None:
    activity = accepted(decoder(), record(U, value(U, email=email)))

    assert activity.fields["has_address"] == has_address
    assert "ada" not in repr(activity)


@pytest.mark.parametrize(("kind", "name", "content"), GOOD)
def test_what_is_allowed_is_accepted(kind: Kind, name: str, content: object) -> None:
    accepted(decoder(), record(kind, value(kind, **{name: content})))


@pytest.mark.parametrize(("kind", "name", "content"), BAD)
def test_what_is_not_allowed_is_refused_by_name(kind: Kind, name: str, content: object) -> None:
    letter = refused(decoder(), record(kind, value(kind, **{name: content})))

    assert letter.reason is Reason.INVALID_FIELD
    assert letter.detail.startswith(f"{name}: ")
    assert letter.merchant_id is not None
    assert letter.event_id is not None


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("name", ["event_id", "customer_id", "merchant_id"])
@pytest.mark.parametrize("text", NOT_UUIDS)
def test_an_id_that_is_no_uuid_is_refused(kind: Kind, name: str, text: str) -> None:
    letter = refused(decoder(), record(kind, value(kind, **{name: text})))

    assert (letter.reason, letter.detail.split(":")[0]) == (Reason.INVALID_FIELD, name)


def test_upper_case_ids_are_the_same_ids() -> None:
    lower, upper = (
        accepted(decoder(), record(P, value(P, event_id=text(EVENT), customer_id=text(CUSTOMER))))
        for text in (str.lower, str.upper)
    )

    assert lower == upper


def test_a_refusal_holds_nothing_of_the_payload() -> None:
    letter = refused(decoder(), record(L, value(L, lesson_id="very secret" * 20)))

    assert "secret" not in letter.detail


@pytest.mark.parametrize("kind", Kind)
def test_more_than_a_day_ahead_is_a_reason_of_its_own(kind: Kind) -> None:
    ahead = value(kind, occurred_at=NOW_MS + 24 * HOUR_MS + 1)

    assert refused(decoder(), record(kind, ahead)).reason is Reason.FUTURE_TIMESTAMP


def test_without_its_own_time_the_records_time_counts() -> None:
    content = value(P, occurred_at=None)

    early = accepted(decoder(), record(P, content, timestamp_ms=NOW_MS - HOUR_MS))
    late = accepted(decoder(), record(P, content, timestamp_ms=NOW_MS))

    assert (early.occurred_ms, late.occurred_ms) == (NOW_MS - HOUR_MS, NOW_MS)
    assert early.content_hash == late.content_hash


@pytest.mark.parametrize(
    ("timestamp_ms", "reason"),
    [
        (-1, Reason.INVALID_FIELD),
        (0, Reason.INVALID_FIELD),
        (NOW_MS + 25 * HOUR_MS, Reason.FUTURE_TIMESTAMP),
    ],
)
def test_a_records_time_is_held_to_the_same_limits(timestamp_ms: int, reason: Reason) -> None:
    one = record(P, value(P, occurred_at=None), timestamp_ms=timestamp_ms)

    assert refused(decoder(), one).reason is reason


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"nonsense",
        TRACEPARENT.encode().upper(),
        b"ff" + TRACEPARENT.encode()[2:],
        b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01",
        b"00-0af7651916cd43dd8448eb211c80319c-" + b"0" * 16 + b"-01",
        TRACEPARENT.encode() + b"\n",
    ],
)
def test_a_trace_of_another_shape_is_ignored(header: bytes) -> None:
    activity = accepted(decoder(), record(P, value(P), (("traceparent", header),)))

    assert activity.traceparent is None


def test_a_key_that_is_not_the_customer_is_accepted() -> None:
    accepted(decoder(), record(P, value(P))._replace(key=None))
    accepted(decoder(), record(P, value(P))._replace(key=b"\xff\0"))


def test_a_batch_is_decoded_in_order() -> None:
    records = [record(P, value(P, points=n), offset=n) for n in range(5)]

    decoded = decoder().decode_all(records)

    assert [one.record for one in decoded] == records
    assert [one.activity is None for one in decoded] == [True, False, False, False, False]


def test_the_builders_are_complete() -> None:
    assert all(set(EVENT_FIELDS[kind]) - {"has_address"} <= set(datum(kind)) for kind in Kind)
