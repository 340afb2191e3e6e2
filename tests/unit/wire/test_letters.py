"""Letters: what is kept of a refused record, and what becomes of one that comes back."""

import uuid

import pytest

from gamification.domain.activity import Kind
from gamification.domain.errors import Reason, Rejected
from gamification.domain.ids import uuid_text
from gamification.wire import dead_letter
from gamification.wire.dead_letter import headers_of, letter_of, outbox_row, source_of
from gamification.wire.envelope import DeadLetter, Headers, Position, Record
from gamification.wire.fact import NAMESPACE
from tests.records import (
    CUSTOMER,
    EVENT,
    HOUR_MS,
    MERCHANT,
    NOW_MS,
    TRACEPARENT,
    accepted,
    decoder,
    record,
    refused,
    value,
)

P, L, T, U, A = Kind
ADDRESS = b"ada@example.org"
OURS = uuid.UUID(bytes=NAMESPACE)
ONE_YEAR_MS = 365 * 24 * HOUR_MS


def published(letter: DeadLetter, content: bytes | None = None) -> Record:
    """The letter as it lies on its topic; the relay fills in what is kept by reference."""
    row = outbox_row(letter)
    assert row.letter is not None
    said = content if letter.by_reference else row.value
    return Record(row.topic, 0, 7, NOW_MS, row.key, said, tuple(headers_of(row.letter)))


def replayed(letter: Record) -> Record:
    """The same bytes and headers on the replay topic, later."""
    return letter._replace(
        topic=dead_letter.REPLAY_TOPIC, offset=99, timestamp_ms=NOW_MS + ONE_YEAR_MS
    )


def without(headers: Headers, name: str) -> Headers:
    return tuple(header for header in headers if header[0] != name)


def test_a_letter_says_where_when_and_why() -> None:
    trace = (("traceparent", TRACEPARENT.encode()),)
    one = record(P, value(P, points=0), trace, timestamp_ms=NOW_MS - HOUR_MS)

    letter = refused(decoder(), one)
    headers = dict(published(letter).headers)

    assert letter.origin == letter.source == Position(P, 3, 42)
    assert headers == {
        "dlq.origin.topic": b"points.earned",
        "dlq.origin.partition": b"3",
        "dlq.origin.offset": b"42",
        "dlq.origin.timestamp": str(NOW_MS - HOUR_MS).encode(),
        "dlq.reason": b"invalid_field",
        "dlq.detail": b"points: 1 to 1000000",
        "dlq.attempts": b"1",
        "dlq.first_failed_at": b"2026-11-18T11:06:40.000Z",
        "dlq.id": str(uuid.uuid5(OURS, "gamification.dlq:points.earned:3:42:1")).encode(),
        "traceparent": TRACEPARENT.encode(),
        "event_id": EVENT.encode(),
        "merchant_id": MERCHANT.encode(),
    }


def test_key_and_value_are_the_original_bytes() -> None:
    one = record(P, b"\0garbage\xff")._replace(key=b"\xfe\0")

    row = outbox_row(refused(decoder(), one))

    assert (row.topic, row.schema_version) == ("gamification.dlq", 0)
    assert (row.key, row.value) == (one.key, one.value)


def test_a_letter_is_read_back_from_its_topic() -> None:
    letter = refused(decoder(), record(P, value(P, points=0)))
    on_topic = published(letter)

    read = letter_of(on_topic)

    assert read.source == on_topic.position
    assert {**_dict(read), "source": letter.source} == _dict(letter)


def _dict(letter: DeadLetter) -> dict[str, object]:
    return {name: getattr(letter, name) for name in DeadLetter.__dataclass_fields__}


def test_a_letter_that_comes_back_and_is_mended_counts_as_its_original() -> None:
    one = decoder(value_bytes_max=100)
    original = record(P, value(P, occurred_at=None), timestamp_ms=NOW_MS - HOUR_MS)
    came_back = replayed(published(refused(one, original)))

    assert accepted(decoder(), came_back) == accepted(decoder(), original)


def test_a_letter_that_fails_again_keeps_its_origin() -> None:
    first = refused(decoder(), record(P, value(P, points=0)))
    came_back = replayed(published(first))

    later = decoder(now_ms=lambda: NOW_MS + ONE_YEAR_MS)
    second = refused(later, came_back)
    third = refused(later, replayed(published(second)))

    assert [letter.attempts for letter in (first, second, third)] == [1, 2, 3]
    assert second.origin == third.origin == first.origin
    assert second.source == came_back.position
    assert third.first_failed_ms == second.first_failed_ms == first.first_failed_ms == NOW_MS
    assert second.origin_timestamp_ms == first.origin_timestamp_ms
    ids = {dict(published(letter).headers)["dlq.id"] for letter in (first, second, third)}
    assert len(ids) == 3


def test_a_copy_of_a_window_of_an_input_topic_has_no_failures_yet() -> None:
    headers = (
        ("dlq.origin.topic", b"points.earned"),
        ("dlq.origin.partition", b"0"),
        ("dlq.origin.offset", b"5"),
        ("dlq.origin.timestamp", str(NOW_MS).encode()),
    )
    copy = record(dead_letter.REPLAY_TOPIC, value(P, points=0), headers)

    assert refused(decoder(), copy).attempts == 1
    accepted(decoder(), copy._replace(value=value(P)))


BAD_HEADERS = [
    ("dlq.origin.topic", None),
    ("dlq.origin.topic", b""),
    ("dlq.origin.topic", b"badge.awarded"),
    ("dlq.origin.topic", b"gamification.replay"),
    ("dlq.origin.topic", b"gamification.dlq"),
    ("dlq.origin.topic", b"points.earned\0"),
    ("dlq.origin.topic", b"\xff"),
    ("dlq.origin.topic", b"x" * 300),
    ("dlq.origin.partition", None),
    ("dlq.origin.partition", b"-1"),
    ("dlq.origin.partition", b" 1"),
    ("dlq.origin.partition", b"1_0"),
    ("dlq.origin.partition", b"2147483648"),
    ("dlq.origin.offset", None),
    ("dlq.origin.offset", b"9223372036854775808"),
    ("dlq.origin.offset", b"9" * 100_000),
    ("dlq.origin.offset", "٣".encode()),
    ("dlq.origin.timestamp", None),
    ("dlq.origin.timestamp", b"yesterday"),
    ("dlq.attempts", b"-1"),
    ("dlq.attempts", b"2147483647"),
    ("dlq.first_failed_at", b"yesterday"),
    ("dlq.first_failed_at", b"2026-11-21"),
    ("dlq.first_failed_at", b"1969-12-31T00:00:00.000Z"),
]


@pytest.mark.parametrize(("name", "content"), BAD_HEADERS)
def test_a_replayed_record_without_its_origin_is_malformed(
    name: str, content: bytes | None
) -> None:
    letter = published(refused(decoder(), record(P, value(P, points=0))))
    headers = without(letter.headers, name)
    if content is not None:
        headers = (*headers, (name, content))

    again = refused(decoder(), replayed(letter)._replace(headers=headers, value=value(P)))

    assert again.reason is Reason.MALFORMED
    assert again.detail.startswith(f"header {name}")
    assert again.origin == again.source == Position("gamification.replay", 0, 99)
    assert again.attempts == 1


def test_a_replayed_record_of_unknown_origin_may_hold_an_address() -> None:
    again = refused(decoder(), record(dead_letter.REPLAY_TOPIC, value(U)))

    assert (again.value, again.by_reference) == (None, True)


def test_an_address_is_blanked_and_nothing_else() -> None:
    one = record(U, value(U, occurred_at=NOW_MS + 48 * HOUR_MS))

    letter = refused(decoder(), one)

    assert letter.reason is Reason.FUTURE_TIMESTAMP
    assert letter.value == value(U, occurred_at=NOW_MS + 48 * HOUR_MS, email="")
    assert not letter.by_reference
    assert uuid_text(letter.merchant_id or b"") == MERCHANT


def test_a_blanked_letter_still_knows_that_there_was_an_address() -> None:
    ahead = value(U, occurred_at=NOW_MS + 48 * HOUR_MS)
    days_later = NOW_MS + 48 * HOUR_MS
    letter = published(refused(decoder(), record(U, ahead)))
    later = decoder(now_ms=lambda: days_later)

    activity = accepted(later, replayed(letter))

    assert ADDRESS not in (letter.value or b"")
    assert activity == accepted(later, record(U, ahead))
    assert activity.fields["has_address"] == 1


def test_a_blanked_letter_that_fails_again_does_not_forget_it() -> None:
    letter = published(refused(decoder(), record(U, value(U, language="x" * 65))))

    again = published(refused(decoder(), replayed(letter)))

    assert dict(again.headers)["dlq.blanked"] == b"email"


def test_without_an_address_nothing_is_blanked() -> None:
    letter = published(refused(decoder(), record(U, value(U, email="", language="x" * 65))))

    assert "dlq.blanked" not in dict(letter.headers)
    assert letter.value == value(U, email="", language="x" * 65)


@pytest.mark.parametrize(
    "content",
    [value(U)[:-1], value(U) + b"\0", b"\1" + value(U)[1:], b"\0\0\0\0\x63" + value(U)[5:]],
    ids=["cut short", "trailing byte", "wrong magic byte", "unknown schema"],
)
def test_what_cannot_be_read_and_may_hold_an_address_is_kept_by_reference(content: bytes) -> None:
    letter = refused(decoder(), record(U, content, offset=8))
    row = outbox_row(letter)

    assert (row.value, letter.by_reference) == (None, True)
    assert row.letter is not None
    assert ADDRESS.decode() not in row.letter
    assert source_of(row.letter) == Position(U, 3, 8)


def test_a_too_large_address_record_is_kept_by_reference() -> None:
    letter = refused(decoder(value_bytes_max=50), record(U, value(U)))

    assert (letter.reason, letter.value, letter.by_reference) == (Reason.TOO_LARGE, None, True)


def test_other_topics_letters_hold_their_value() -> None:
    row = outbox_row(refused(decoder(), record(P, b"\1")))

    assert row.letter is not None
    assert source_of(row.letter) is None


def test_a_null_value_needs_no_reference() -> None:
    letter = refused(decoder(), record(U, None))

    assert (letter.value, letter.by_reference) == (None, False)


def test_a_letter_can_be_written_for_a_record_that_was_decoded() -> None:
    one = decoder()
    good = record(U, value(U))
    accepted(one, good)

    letter = one.dead_letter(good, Reason.CONFLICTING_DUPLICATE, "another content")

    assert letter.value == value(U, email="")
    assert uuid_text(letter.event_id or b"") == EVENT
    assert letter.key == CUSTOMER.encode()


def test_the_detail_is_one_bounded_line() -> None:
    letter = decoder().dead_letter(record(P, b""), Reason.POISON, "two\nlines\0and more " * 100)

    detail = dict(published(letter).headers)["dlq.detail"]

    assert detail.startswith(b"two lines and more")
    assert len(detail) == 300


def test_a_record_that_is_no_letter_is_refused() -> None:
    with pytest.raises(Rejected):
        letter_of(record("gamification.dlq", b"x"))
