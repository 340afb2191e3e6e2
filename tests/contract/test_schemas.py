"""The schemas are what other services rely on: names, fields, order, and every older version."""

import json
from io import BytesIO
from itertools import combinations
from typing import Any, Final

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.utils import generate_one

from gamification.adapters.kafka import schema_files
from gamification.adapters.kafka.topics import PRODUCED, plan
from gamification.domain.activity import EVENT_FIELDS, Kind
from gamification.wire.encode import SCHEMA_VERSION
from gamification.wire.vet import plain, vetted

CURRENT: Final = schema_files.current()
HISTORY: Final = schema_files.history()
WITHOUT_SCHEMA: Final = {"gamification.replay", "gamification.dlq", "gamification.relay"}

CONSUMED: Final = {
    "points.earned": "points occurred_at? trace_id?",
    "lesson.completed": "lesson_id course_id? score? occurred_at? trace_id?",
    "tournament.result": (
        "tournament_id match_id? outcome placement? prize_coins? duration_s? occurred_at? trace_id?"
    ),
    "customer.updated": "email language timezone? occurred_at? trace_id?",
    "activity.recorded": "activity_type amount? attributes occurred_at? trace_id?",
}
ANNOUNCED: Final = {
    "badge.awarded": "customer_id badge locale",
    "badge.task": "customer_id task_type locale badge",
    "badge.earned": "userId badgeId",
    "level.up": "userId newLevel reward",
    "streak.updated": "userId currentStreak longestStreak day",
    "reward.redeemed": "userId rewardId redemptionId cost",
    "cache.invalidate": "key type locale?",
    "leaderboard.refresh": "board as_of",
    "audit_log": "actor action subject outcome details",
}
FIELDS: Final = {
    **{t: f"event_id customer_id merchant_id {further}" for t, further in CONSUMED.items()},
    **{
        t: f"event_id merchant_id created_at schema_version trace_id? {further}"
        for t, further in ANNOUNCED.items()
    },
}
TIMES: Final = {"occurred_at", "created_at", "as_of"}


def fields_of(schema: str) -> list[dict[str, Any]]:
    return list(json.loads(schema)["fields"])


def test_every_topic_has_a_schema_but_those_that_carry_others_bytes() -> None:
    topics = {one.name for one in plan(12, 1, 1024)}

    assert set(CURRENT) == set(FIELDS) == topics - WITHOUT_SCHEMA
    assert set(CONSUMED) == set(Kind)
    assert set(ANNOUNCED) == set(PRODUCED)


@pytest.mark.parametrize("topic", FIELDS)
def test_names_and_order_of_the_fields_are_fixed(topic: str) -> None:
    written = [
        f["name"] + ("?" if isinstance(f["type"], list) else "") for f in fields_of(CURRENT[topic])
    ]

    assert written == FIELDS[topic].split()


@pytest.mark.parametrize("topic", FIELDS)
def test_optional_fields_default_to_null_and_say_so_first(topic: str) -> None:
    for field in fields_of(CURRENT[topic]):
        if isinstance(field["type"], list):
            assert field["type"][0] == "null"
            assert field["default"] is None


@pytest.mark.parametrize("topic", FIELDS)
def test_times_are_milliseconds_and_ids_plain_strings(topic: str) -> None:
    for field in fields_of(CURRENT[topic]):
        types = field["type"] if isinstance(field["type"], list) else [field["type"]]
        if field["name"] in TIMES:
            assert types[-1] == {"type": "long", "logicalType": "timestamp-millis"}
        if field["name"].endswith(("_id", "Id")):
            assert types[-1] == "string"


@pytest.mark.parametrize("topic", FIELDS)
def test_the_schema_is_one_that_we_would_decode_with_ourselves(topic: str) -> None:
    plain(CURRENT[topic])


@pytest.mark.parametrize("topic", FIELDS)
def test_the_current_schema_is_the_newest_of_the_history(topic: str) -> None:
    assert HISTORY[topic][-1] == CURRENT[topic]


def test_announcements_say_the_version_that_they_are() -> None:
    assert {topic: len(HISTORY[topic]) for topic in PRODUCED} == dict.fromkeys(
        PRODUCED, SCHEMA_VERSION
    )


@pytest.mark.parametrize("topic", FIELDS)
def test_every_version_reads_what_every_older_one_wrote(topic: str) -> None:
    for older, newer in combinations([*HISTORY[topic], CURRENT[topic]], 2):
        assert_reads(newer, older)


@pytest.mark.parametrize("topic", CONSUMED)
def test_the_decoder_reads_what_every_older_version_wrote(topic: str) -> None:
    for older in HISTORY[topic]:
        vetted(older, CURRENT[topic])


@pytest.mark.parametrize("kind", Kind)
def test_rules_name_the_fields_of_the_schema(kind: Kind) -> None:
    written = {field["name"] for field in fields_of(CURRENT[kind])}

    assert set(EVENT_FIELDS[kind]) - {"has_address"} <= written


@pytest.mark.parametrize(
    "broken",
    [
        lambda fields: fields.append({"name": "new", "type": "string"}),
        lambda fields: fields[0].update(type="long"),
    ],
    ids=["required field added", "type changed"],
)
def test_a_breaking_change_would_be_seen(broken: Any) -> None:
    newer = json.loads(CURRENT["points.earned"])
    broken(newer["fields"])

    with pytest.raises(Exception, match=r"[Mm]ismatch|No default"):
        assert_reads(json.dumps(newer), CURRENT["points.earned"])


def assert_reads(newer: str, older: str) -> None:
    """What the older version wrote, fastavro reads by the newer one."""
    writer, reader = parse_schema(json.loads(older)), parse_schema(json.loads(newer))
    out = BytesIO()
    schemaless_writer(out, writer, generate_one(writer))
    out.seek(0)

    schemaless_reader(out, writer, reader)

    assert out.read() == b""
