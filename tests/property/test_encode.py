"""Announcements written by hand are byte for byte what fastavro writes."""

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.wire import encode
from gamification.wire.encode import AuditEntry, Stamp
from gamification.wire.fact import NAMESPACE, fact_id
from tests.records import SCHEMAS, body

OURS = uuid.UUID(bytes=NAMESPACE)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=150)
LONGS = st.integers(-(2**63), 2**63 - 1)
INTS = st.integers(-(2**31), 2**31 - 1)
DAYS = st.integers(0, 100_000)
STAMPS = st.builds(
    Stamp,
    st.uuids().map(str) | TEXTS,
    st.uuids().map(str) | TEXTS,
    LONGS,
    st.none() | TEXTS,
)


def is_written(topic: str, written: bytes, stamp: Stamp, name: str, **further: Any) -> None:
    """`written` is the record of `stamp`, `name` and `further`, in fastavro's bytes."""
    fields = {
        "event_id": str(uuid.uuid5(OURS, name)),
        "merchant_id": stamp.merchant_id,
        "created_at": stamp.created_at_ms,
        "schema_version": 1,
        "trace_id": stamp.trace_id,
        **further,
    }
    assert written == body(SCHEMAS[topic], fields)


@given(TEXTS)
def test_ids_are_uuids_of_version_5(name: str) -> None:
    assert fact_id(name) == str(uuid.uuid5(OURS, name))


@given(LONGS)
def test_numbers_are_written_as_avro_writes_them(number: int) -> None:
    assert encode.long(number) == body('"long"', number)  # type: ignore[arg-type]


def is_badge_awarded(stamp: Stamp, badge: str, locale: str) -> None:
    who = f"{stamp.merchant_id}:{stamp.customer_id}"
    written = encode.badge_awarded(stamp, badge, locale)

    name = f"badge.awarded:badge:{who}:{badge}"
    further = {"customer_id": stamp.customer_id, "badge": badge, "locale": locale}
    is_written("badge.awarded", written, stamp, name, **further)


@given(STAMPS, TEXTS, TEXTS)
def test_badge_awarded(stamp: Stamp, badge: str, locale: str) -> None:
    is_badge_awarded(stamp, badge, locale)


@pytest.mark.parametrize("size", [0, 1, 62, 63, 64, 65, 8191, 8192])
def test_texts_of_any_length_are_written_with_it(size: int) -> None:
    is_badge_awarded(Stamp("m" * size, "c" * size, 0, "t" * size), "b" * size, "l" * size)


@given(STAMPS, TEXTS, TEXTS, TEXTS)
def test_badge_task(stamp: Stamp, badge: str, locale: str, task: str) -> None:
    who = f"{stamp.merchant_id}:{stamp.customer_id}"
    written = encode.badge_task(stamp, badge, locale, task)

    name = f"badge.task:badge:{who}:{badge}:{task}"
    further = {"customer_id": stamp.customer_id, "badge": badge, "locale": locale}
    is_written("badge.task", written, stamp, name, task_type=task, **further)


@given(STAMPS, TEXTS)
def test_badge_earned(stamp: Stamp, badge: str) -> None:
    who = f"{stamp.merchant_id}:{stamp.customer_id}"
    written = encode.badge_earned(stamp, badge)

    name = f"badge.earned:badge:{who}:{badge}"
    is_written("badge.earned", written, stamp, name, userId=stamp.customer_id, badgeId=badge)


@given(STAMPS, INTS, LONGS, st.lists(TEXTS, max_size=4))
def test_level_up(stamp: Stamp, level: int, coins: int, badges: list[str]) -> None:
    who = f"{stamp.merchant_id}:{stamp.customer_id}"
    written = encode.level_up(stamp, level, coins, badges)

    reward = {"coins": coins, "badges": badges}
    further = {"userId": stamp.customer_id, "newLevel": level, "reward": reward}
    is_written("level.up", written, stamp, f"level.up:level:{who}:{level}", **further)


@given(STAMPS, INTS, INTS, DAYS)
def test_streak_updated(stamp: Stamp, current: int, longest: int, day: int) -> None:
    who = f"{stamp.merchant_id}:{stamp.customer_id}"
    written = encode.streak_updated(stamp, current, longest, day)

    text = encode.iso_day(day)
    streak = {"currentStreak": current, "longestStreak": longest, "day": text}
    name = f"streak.updated:streak:{who}:{text}"
    is_written("streak.updated", written, stamp, name, userId=stamp.customer_id, **streak)


@given(STAMPS, TEXTS, TEXTS, LONGS)
def test_reward_redeemed(stamp: Stamp, reward: str, redemption: str, cost: int) -> None:
    written = encode.reward_redeemed(stamp, reward, redemption, cost)

    name = f"reward.redeemed:redemption:{stamp.merchant_id}:{redemption}"
    further = {"rewardId": reward, "redemptionId": redemption, "cost": cost}
    is_written("reward.redeemed", written, stamp, name, userId=stamp.customer_id, **further)


@given(STAMPS, TEXTS, TEXTS, TEXTS, st.none() | TEXTS)
def test_cache_invalidate(
    stamp: Stamp, key: str, type_: str, cause: str, locale: str | None
) -> None:
    written = encode.cache_invalidate(stamp, key, type_, cause, locale)

    name = f"cache.invalidate:{stamp.merchant_id}:{key}:{locale or ''}:{cause}"
    is_written("cache.invalidate", written, stamp, name, key=key, type=type_, locale=locale)


@given(STAMPS, TEXTS, LONGS)
def test_leaderboard_refresh(stamp: Stamp, board: str, as_of_ms: int) -> None:
    written = encode.leaderboard_refresh(stamp, board, as_of_ms)

    name = f"leaderboard.refresh:{stamp.merchant_id}:{board}:{as_of_ms}"
    is_written("leaderboard.refresh", written, stamp, name, board=board, as_of=as_of_ms)


@given(STAMPS, st.builds(AuditEntry, *[TEXTS] * 5, st.dictionaries(TEXTS, TEXTS, max_size=4)))
def test_audit_log(stamp: Stamp, entry: AuditEntry) -> None:
    written = encode.audit_log(stamp, entry)

    further = {
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "outcome": entry.outcome,
        "details": entry.details,
    }
    name = f"audit_log:{stamp.merchant_id}:{entry.action}:{entry.subject}:{entry.cause}"
    is_written("audit_log", written, stamp, name, **further)


def test_days_are_iso_days() -> None:
    assert encode.iso_day(0) == "1970-01-01"
    assert encode.iso_day(20_778) == "2026-11-21"
