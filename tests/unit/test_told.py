"""What the log says of a committed batch."""

import io
from typing import Any

import orjson
import pytest
import structlog

from gamification.application import told
from gamification.application.award import Outcome
from gamification.domain.activity import Activity
from gamification.domain.activity import Kind as Of
from gamification.domain.effects import BadgeAwarded
from gamification.domain.ids import BadgeId
from gamification.domain.player import Player
from gamification.settings import load
from gamification.telemetry import logs
from tests.records import CUSTOMER, MERCHANT, TRACEPARENT, accepted, decoder, record, value

HEADERS = (("traceparent", TRACEPARENT.encode()),)
TRACE = TRACEPARENT.split("-")[1]


def lines(outcome: Outcome, level: str) -> list[dict[str, Any]]:
    out = io.BytesIO()
    logs.configure(load({"GAMIFICATION_LOG_LEVEL": level}), "award", out)
    told.log = logs.get("award")  # one that is not bound to another test's output yet
    try:
        told.tell([record(Of.POINTS_EARNED, None)], outcome, 0.1)
    finally:
        structlog.reset_defaults()
    return [orjson.loads(line) for line in out.getvalue().splitlines()]


def an_activity() -> Activity:
    body = value(Of.POINTS_EARNED)
    return accepted(decoder(), record(Of.POINTS_EARNED, body, headers=HEADERS))


@pytest.fixture
def outcome() -> Outcome:
    activity = an_activity()
    player = Player(merchant_id=activity.merchant_id, customer_id=activity.customer_id, locale="pt")
    made = Outcome()
    made.effects.announcements.append(BadgeAwarded(player, BadgeId("collector"), activity))
    return made


def test_who_debugs_sees_each_badge_with_its_trace(outcome: Outcome) -> None:
    [line] = lines(outcome, "debug")
    said = {key: line[key] for key in ("event", "badge", "locale", "trace_id")}
    assert said == {
        "event": "badge_awarded",
        "badge": "collector",
        "locale": "pt",
        "trace_id": TRACE,
    }
    assert (line["merchant_id"], line["customer_id"]) == (MERCHANT, CUSTOMER)


def test_otherwise_badges_are_not_logged_one_by_one(outcome: Outcome) -> None:
    assert lines(outcome, "info") == []


def test_a_dead_letter_is_logged_with_its_trace() -> None:
    outcome = Outcome()
    letter = decoder().decode(record(Of.POINTS_EARNED, b"garbage", headers=HEADERS)).letter
    assert letter is not None
    outcome.letters.append(letter)
    outcome.new_letters.append(letter)
    [line] = lines(outcome, "info")
    assert (line["event"], line["reason"], line["trace_id"]) == (
        "dead_lettered",
        "malformed",
        TRACE,
    )
