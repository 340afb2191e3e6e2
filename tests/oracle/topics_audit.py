"""Invariant 3: read_committed topics hold the outbox, and announce what the tables say."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import psycopg

from tests.oracle import postgres_rows as sql
from tests.oracle.avro_read import HEADER, Published
from tests.oracle.expected import ExpectedProfile, Person
from tests.oracle.postgres_rows import BadgeRow, OutboxRow, ProfileRow
from tests.oracle.report import Invariant, Report, shown
from tests.oracle.settings import SUPPORTED_LOCALES
from tests.oracle.topic_records import TopicRecord

TOPICS = Invariant.TOPICS
LETTERS: Final = ("gamification.dlq", "gamification.replay")
ANNOUNCED: Final = (
    "badge.awarded",
    "badge.task",
    "badge.earned",
    "level.up",
    "streak.updated",
    "reward.redeemed",
    "cache.invalidate",
    "leaderboard.refresh",
    "audit_log",
)
UUID_V5: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
PERSONAL: Final = b"@example.com"

Said = dict[str, Any]


class OutboxAudit:
    """Remembers every row: partitions of the outbox are dropped once they are published."""

    def __init__(self) -> None:
        self.rows: dict[int, OutboxRow] = {}

    def look(self, database: psycopg.Connection, report: Report) -> None:
        for values in sql.rows(database, sql.OUTBOX, 0):
            row = OutboxRow(*values)
            if self.rows.setdefault(row.id, row) != row:
                report.differ(TOPICS, f"outbox: row {row.id} is not what it was")
            if PERSONAL in (row.value or b"") or PERSONAL.decode() in (row.letter or ""):
                report.differ(TOPICS, f"outbox: row {row.id} holds an address")


def compare_announcements(
    outbox: Mapping[int, OutboxRow],
    records: Iterable[TopicRecord],
    published: Published,
    report: Report,
) -> dict[str, list[Said]]:
    """Each row is one record and each record one row. Returns what was said, by topic.

    What a topic says comes in the order of the outbox for one key, and so does this.
    """
    rows: dict[tuple[str, bytes | None, bytes | None], list[OutboxRow]] = defaultdict(list)
    for row in outbox.values():
        if row.topic not in LETTERS:
            rows[row.topic, row.key, row.value].append(row)
    told: dict[str, list[Said]] = defaultdict(list)
    newest: dict[tuple[str, bytes | None], int] = {}
    for record, said in _read(records, published, report):
        told[record.topic].append(said)
        of_content = rows[record.topic, record.key, (record.value or b"")[HEADER:]]
        if not of_content:
            report.differ(TOPICS, f"{shown(record.place)}: no row of the outbox says this: {said}")
            continue
        row = of_content.pop()
        _check_record(record, row, said, report)
        before = newest.get((record.topic, record.key), 0)
        if row.id < before:
            report.differ(TOPICS, f"{shown(record.place)}: row {row.id} came after {before}")
        newest[record.topic, record.key] = row.id
    for left in rows.values():
        for row in left:
            report.differ(TOPICS, f"{row.topic}: row {row.id} of the outbox was not published")
    return told


def _read(
    records: Iterable[TopicRecord], published: Published, report: Report
) -> Iterator[tuple[TopicRecord, Said]]:
    """The records and what they say; no id comes twice."""
    ids: Counter[str] = Counter()
    for record in records:
        report.count(TOPICS, "records", 1)
        try:
            said = published.decode(record.value or b"")
        except Exception as error:  # noqa: BLE001  # whatever the bytes do, it is a finding
            report.differ(TOPICS, f"{shown(record.place)}: unreadable: {error!r}")
            continue
        ids[said["event_id"]] += 1
        yield record, said
    for event_id, times in ids.items():
        if times > 1:
            report.differ(TOPICS, f"the id {event_id} was published {times} times")


def _check_record(record: TopicRecord, row: OutboxRow, said: Said, report: Report) -> None:
    def differ(what: str) -> None:
        report.differ(TOPICS, f"{shown(record.place)} (row {row.id}): {what}")

    if said["schema_version"] != row.schema_version:
        differ(f"says schema version {said['schema_version']}, the outbox {row.schema_version}")
    if not UUID_V5.fullmatch(said["event_id"]):
        differ(f"its id {said['event_id']} is no UUIDv5")
    key = said.get("customer_id") or said.get("userId") or said.get("key") or said["merchant_id"]
    if record.key != str(key).encode():
        differ(f"its key is {record.key!r}")
    if record.header("event_type") != record.topic:
        differ(f"header event_type is {record.header('event_type')!r}")
    said_row = (record.header("outbox_id") or "").rpartition("-")[2]
    if said_row != str(row.id):
        differ(f"header outbox_id is {record.header('outbox_id')!r}")
    if row.traceparent is not None and record.header("traceparent") != row.traceparent:
        differ(f"header traceparent is {record.header('traceparent')!r}")


def compare_facts(
    told: Mapping[str, list[Said]],
    badges: Iterable[BadgeRow],
    wanted: Mapping[Person, ExpectedProfile],
    profiles: Mapping[Person, ProfileRow],
    report: Report,
) -> None:
    """Announcements and facts are one to one."""
    held = Counter((_text(row.merchant), _text(row.customer), str(row.badge)) for row in badges)
    for topic, who, what in (
        ("badge.awarded", "customer_id", "badge"),
        ("badge.task", "customer_id", "badge"),
        ("badge.earned", "userId", "badgeId"),
    ):
        got = Counter((said["merchant_id"], said[who], said[what]) for said in told.get(topic, ()))
        report.same(TOPICS, topic, _things(held), _things(got))
    keys = Counter(f"badge:{merchant}:{customer}:{badge}" for merchant, customer, badge in held)
    dropped = Counter(said["key"] for said in told.get("cache.invalidate", ()))
    of_badges = {key: times for key, times in dropped.items() if key.startswith("badge:")}
    report.same(TOPICS, "cache.invalidate", _things(keys), _things(of_badges))
    levels = Counter(
        (_text(merchant), _text(customer), level)
        for (merchant, customer), one in wanted.items()
        for level in one.levels_announced
    )
    told_levels = Counter(
        (said["merchant_id"], said["userId"], said["newLevel"]) for said in told.get("level.up", ())
    )
    report.same(TOPICS, "level.up", _things(levels), _things(told_levels))
    for topic in ("badge.awarded", "badge.task"):
        for said in told.get(topic, ()):
            if said["locale"] not in SUPPORTED_LOCALES:
                report.differ(TOPICS, f"{topic}: {said['event_id']} has locale {said['locale']!r}")
    _compare_streaks(told.get("streak.updated", []), wanted, profiles, report)


def _compare_streaks(
    told: list[Said],
    wanted: Mapping[Person, ExpectedProfile],
    profiles: Mapping[Person, ProfileRow],
    report: Report,
) -> None:
    """One record for each active day; the last one says what the profile says."""
    want = Counter(
        (_text(merchant), _text(customer), day.isoformat())
        for (merchant, customer), one in wanted.items()
        for day in one.active_days
    )
    got = Counter((said["merchant_id"], said["userId"], said["day"]) for said in told)
    report.same(TOPICS, "streak.updated", _things(want), _things(got))
    last: dict[object, object] = {
        (said["merchant_id"], said["userId"]): (said["currentStreak"], said["longestStreak"])
        for said in told
    }
    stand: dict[object, object] = {
        (_text(merchant), _text(customer)): (row.current_streak, row.longest_streak)
        for (merchant, customer), row in profiles.items()
        if row.active_days
    }
    report.same(TOPICS, "streaks as last told", stand, last)


def _things(counted: Mapping[Any, int]) -> dict[object, object]:
    return dict(counted)


@lru_cache(maxsize=200_000)
def _text(raw: bytes) -> str:
    return str(UUID(bytes=raw))
