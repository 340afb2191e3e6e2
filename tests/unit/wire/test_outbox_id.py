"""The header by which the relay knows its records, and whatever else may stand there."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.wire import outbox_id

OURS = "1f3a9c02-0b1d-4d55-9a37-2f6a3c1f0001"


@given(st.uuids(), st.integers(1, 2**63 - 1))
def test_a_row_is_known_again(incarnation: uuid.UUID, row: int) -> None:
    said = outbox_id.worded(str(incarnation), row).encode()

    assert outbox_id.row_of([("event_type", b"x"), ("outbox_id", said)], str(incarnation)) == row


def test_a_row_of_a_database_before_is_older_than_all_of_ours() -> None:
    assert outbox_id.row_of([("outbox_id", b"00000000-7")], OURS) == 0


@pytest.mark.parametrize(
    "said",
    [None, b"", b"7", b"1f3a9c02-", b"1f3a9c02-x", b"1f3a9c02-7 ", b"1f3a9c02--7", b"\xff-7"],
)
def test_what_others_write_there_is_nobodys_row(said: bytes | None) -> None:
    assert outbox_id.row_of([("outbox_id", said)], OURS) is None
    assert outbox_id.row_of([], OURS) is None


@given(st.binary(max_size=40))
def test_nothing_that_stands_there_does_any_harm(said: bytes) -> None:
    outbox_id.row_of([("outbox_id", said)], OURS)
