"""Archived objects: what is packed comes back, and what is not one of them is noticed."""

import gzip
import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.domain.ids import MerchantId
from gamification.wire.audit_archive import (
    Damaged,
    Packed,
    Packer,
    Row,
    folder_of,
    ids,
    key_of,
)

SHOP = MerchantId(b"s" * 16)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=50)
ROWS = st.builds(
    Row,
    st.binary(min_size=16, max_size=16),
    *[TEXTS] * 4,
    st.dictionaries(TEXTS, TEXTS | st.integers(), max_size=3).map(json.dumps),
    st.datetimes(timezones=st.just(UTC)),
)
ROW = Row(b"i" * 16, "eva", "award", "customer:1", "ok", "{}", datetime(2026, 1, 1, tzinfo=UTC))
ENOUGH = 1_000_000


def packed(*rows: Row) -> Packed:
    packer = Packer(SHOP)
    for row in rows:
        packer.add(row)
    return packer.done()


@given(st.lists(ROWS, max_size=5))
def test_every_row_comes_back_from_its_line(rows: list[Row]) -> None:
    made = packed(*rows)

    lines = [json.loads(line) for line in gzip.decompress(made.body).decode().split("\n")[:-1]]
    assert [line["actor"] for line in lines] == [row.actor for row in rows]
    assert [line["details"] for line in lines] == [json.loads(row.details) for row in rows]
    assert [datetime.fromisoformat(line["created_at"]) for line in lines] == [
        row.created_at for row in rows
    ]
    assert ids(made.body, ENOUGH) == [row.id for row in rows]
    assert made.rows == len(rows)


def test_numbers_that_python_would_round_are_kept() -> None:
    row = ROW._replace(details='{"n": 0.1000000000000000000001}')

    assert b'{"n": 0.1000000000000000000001}' in gzip.decompress(packed(row).body)


def test_the_same_rows_are_the_same_bytes() -> None:
    assert packed(ROW, ROW) == packed(ROW, ROW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not gzip",
        packed(ROW).body[:-1],
        gzip.compress(b"{}\n", mtime=0),
        gzip.compress(b"[1]\n", mtime=0),
        gzip.compress(b'{"id": 7}\n', mtime=0),
        gzip.compress(b'{"id": "xyz"}\n', mtime=0),
    ],
)
def test_other_bytes_are_damaged(body: bytes) -> None:
    with pytest.raises(Damaged):
        ids(body, ENOUGH)


def test_an_object_that_unpacks_to_more_than_was_ever_written_is_damaged() -> None:
    with pytest.raises(Damaged):
        ids(gzip.compress(b" " * 10_000_000), ENOUGH)


def test_keys_tell_merchant_day_and_part() -> None:
    folder = "audit/73737373-7373-7373-7373-737373737373/"

    assert folder_of("audit", SHOP) == folder
    assert key_of("audit", SHOP, date(2026, 1, 31), 1) == f"{folder}2026/01/31.jsonl.gz"
    assert key_of("audit", SHOP, date(2026, 1, 31), 2) == f"{folder}2026/01/31-0002.jsonl.gz"
