"""Dead letters: each delivery of a bad record is kept whole, once, under the right reason."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Self
from uuid import UUID

import psycopg

from bench.workload import SentBad
from gamification.domain.ids import MerchantId
from tests.oracle import postgres_rows as sql
from tests.oracle.postgres_rows import LetterRow, OutboxRow
from tests.oracle.report import Invariant, Report, shown
from tests.oracle.topic_records import TopicRecord

TOPICS = Invariant.TOPICS
DEAD_LETTERS: Final = "gamification.dlq"
REPLAYS: Final = "gamification.replay"
SENT_AGAIN: Final = ("dlq.id", "dlq.origin.topic", "dlq.origin.partition", "dlq.origin.offset")
"""What a record of the replay topic is known by."""
NOBODY: Final = bytes(16)
"""The merchant of letters that name none."""


class BadRecord(NamedTuple):
    """A record that can never succeed, as it lies in its input topic."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    letter_value: bytes | None
    """Its own bytes, but for the address of a readable `customer.updated`."""
    reason: str
    merchant: MerchantId | None = None
    """None where nobody can tell."""

    @classmethod
    def of(cls, sent: SentBad) -> Self:
        """What the workload's publisher noted of a bad record that it sent."""
        return cls(*sent[:6], str(sent.fault.reason), sent.fault.merchant)


def compare_letters(
    database: psycopg.Connection,
    outbox: Mapping[int, OutboxRow],
    records: Iterable[TopicRecord],
    bad: Iterable[BadRecord],
    report: Report,
    *,
    statuses: Mapping[str, str],
) -> None:
    """Bad records, letters on the topic, rows of the outbox and the index are one to one.

    `records` are of both topics. `statuses`: what should have become of letters, by reason.
    """
    mine = list(records)
    letters = [record for record in mine if record.topic == DEAD_LETTERS]
    by_id = {str(letter.header("dlq.id")): letter for letter in letters}
    if len(by_id) != len(letters):
        report.differ(TOPICS, f"{len(letters)} dead letters have only {len(by_id)} ids")
    _compare_bad(letters, bad, report)
    _compare_outbox(by_id, outbox, report)
    # Tests also publish there by hand what never was a letter: it failed, and has no id.
    replays = [
        one
        for one in mine
        if one.topic == REPLAYS and (one.header("dlq.id") or not one.header("dlq.attempts"))
    ]
    _compare_replays(by_id, outbox, replays, report)
    want: dict[object, object] = {
        name: (*_indexed(letter), statuses.get(letter.header("dlq.reason") or "", "parked"))
        for name, letter in by_id.items()
    }
    got: dict[object, object] = {}
    for values in sql.rows(database, sql.DEAD_LETTERS):
        row = LetterRow(*values)
        got[row.id] = row[1:]
    report.same(TOPICS, "indexed dead letters", want, got)


def _compare_bad(letters: list[TopicRecord], bad: Iterable[BadRecord], report: Report) -> None:
    want: dict[object, object] = {
        (one.topic, one.partition, one.offset): (
            one.reason,
            str(one.timestamp_ms),
            one.key,
            one.letter_value,
            None if one.merchant is None else str(UUID(bytes=one.merchant)),
        )
        for one in bad
    }
    got: dict[object, object] = {}
    for letter in letters:
        origin = (
            letter.header("dlq.origin.topic"),
            int(letter.header("dlq.origin.partition") or -1),
            int(letter.header("dlq.origin.offset") or -1),
        )
        if origin in got:
            report.differ(TOPICS, f"dead letters: {shown(origin)} has two")
        got[origin] = (
            letter.header("dlq.reason"),
            letter.header("dlq.origin.timestamp"),
            letter.key,
            letter.value,
            letter.header("merchant_id"),
        )
        _check_headers(letter, report)
    report.same(TOPICS, "dead letters", want, got)


def _check_headers(letter: TopicRecord, report: Report) -> None:
    detail = letter.header("dlq.detail") or ""
    if not detail or "\n" in detail:
        report.differ(TOPICS, f"dead letters: {shown(letter.place)}: detail {detail!r}")
    for name in ("dlq.attempts", "dlq.first_failed_at", "dlq.id"):
        if not letter.header(name):
            report.differ(TOPICS, f"dead letters: {shown(letter.place)}: no header {name}")
    if UUID(letter.header("dlq.id") or str(UUID(int=0))).version != 5:
        report.differ(TOPICS, f"dead letters: {shown(letter.place)}: its id is no UUIDv5")


def _compare_outbox(
    by_id: Mapping[str, TopicRecord], outbox: Mapping[int, OutboxRow], report: Report
) -> None:
    rows: dict[object, object] = {}
    records: dict[object, object] = {}
    for row in outbox.values():
        if row.letter is None or row.topic != DEAD_LETTERS:
            continue
        told = json.loads(row.letter)
        name = told["headers"]["dlq.id"]
        letter = by_id.get(name)
        by_reference = told.get("source") is not None
        if name in rows:
            report.differ(TOPICS, f"outbox: row {row.id} repeats the letter {name}")
        if by_reference and row.key is not None:
            report.differ(TOPICS, f"outbox: row {row.id} holds the key of what no table may hold")
        rows[name] = (letter.key, letter.value) if by_reference and letter else (row.key, row.value)
        if letter is not None:
            if (letter.header("outbox_id") or "").rpartition("-")[2] != str(row.id):
                report.differ(TOPICS, f"dead letters: {name} is not said to be row {row.id}")
            missing = set(told["headers"].items()) - {
                (header, value.decode()) for header, value in letter.headers
            }
            if missing:
                report.differ(TOPICS, f"dead letters: {name} lacks the headers {missing}")
    for name, letter in by_id.items():
        records[name] = letter.key, letter.value
    report.same(TOPICS, "letters in the outbox", rows, records)


def _compare_replays(
    by_id: Mapping[str, TopicRecord],
    outbox: Mapping[int, OutboxRow],
    replays: list[TopicRecord],
    report: Report,
) -> None:
    """What the outbox sent again was sent once, a letter as it is."""
    wanted: Counter[object] = Counter()
    for row in outbox.values():
        if row.topic == REPLAYS:
            said = json.loads(row.letter or "")["headers"]
            wanted[tuple(said.get(name) for name in SENT_AGAIN)] += 1
    found: Counter[object] = Counter(
        tuple(record.header(name) for name in SENT_AGAIN) for record in replays
    )
    report.same(TOPICS, "sent again", dict(wanted), dict(found))
    for record in replays:
        name = record.header("dlq.id")
        letter = None if name is None else by_id.get(name)
        # Without an id it is a copy from an input topic: what it was worth is in the awards.
        if name is not None and (letter is None or _content(letter) != _content(record)):
            report.differ(TOPICS, f"{shown(record.place)} is not what the letter holds")


def _indexed(letter: TopicRecord) -> tuple[object, ...]:
    """A letter as the index must have it, in the order of LetterRow without id and status."""
    merchant = letter.header("merchant_id")
    return (
        NOBODY if merchant is None else UUID(merchant).bytes,
        letter.header("event_id"),
        letter.header("dlq.origin.topic"),
        int(letter.header("dlq.origin.partition") or -1),
        int(letter.header("dlq.origin.offset") or -1),
        letter.header("dlq.reason"),
        letter.header("dlq.detail"),
        int(letter.header("dlq.attempts") or -1),
    )


def _content(record: TopicRecord) -> object:
    """What is the same of a letter and of the record that sends it again."""
    headers = [(name, value) for name, value in record.headers if name != "outbox_id"]
    return record.key, record.value, headers
