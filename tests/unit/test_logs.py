"""What a log line says, and what it never says."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gamification.settings import load
from gamification.telemetry import logs
from gamification.telemetry.personal import HIDDEN

PASSWORD = 'pa%ss w"rd'  # noqa: S105 - not a real one
DSN = "postgresql://app:pa%25ss%20w%22rd@db:5432/game"


class Captured(io.BytesIO):
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def captured(**environ: str) -> Captured:
    out = Captured()
    settings = load({"GAMIFICATION_POSTGRES_DSN": DSN, "GAMIFICATION_LOG_FORMAT": "json"} | environ)
    logs.configure(settings, "award", out)
    return out


def test_a_line_is_one_json_object_that_says_when_what_and_who() -> None:
    out = captured(SERVICE_NAME="gamification-eu")

    logs.get("awards").info("badge_awarded", merchant_id=bytes(15) + b"\x01", locale="en")

    (line,) = out.lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "event": "badge_awarded",
        "service": "gamification-eu",
        "process": "award",
        "source": "awards",
        "merchant_id": "00000000-0000-0000-0000-000000000001",
        "locale": "en",
    }


def test_fields_bound_to_the_context_are_in_every_line() -> None:
    out = captured()

    with structlog.contextvars.bound_contextvars(trace_id="ab" * 16):
        logs.get("awards").info("one")
    logs.get("awards").info("two")

    assert [line.get("trace_id") for line in out.lines()] == ["ab" * 16, None]


def test_lines_below_the_level_are_not_written() -> None:
    out = captured(GAMIFICATION_LOG_LEVEL="warning")

    logs.get("awards").info("quiet")
    logs.get("awards").warning("loud")

    assert [line["event"] for line in out.lines()] == ["loud"]


@pytest.mark.parametrize("secret", [DSN, PASSWORD, "pa%25ss%20w%22rd"])
def test_a_secret_is_hidden_wherever_it_turns_up(secret: str) -> None:
    out = captured()
    log = logs.get("awards")

    log.info("cannot connect to %s", secret, reason=secret, several=[{"a": (secret,)}], x=1)
    log.info("object", value=ValueError(secret))
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("failed")
    logging.getLogger("some.library").error("refused: %s", secret)

    text = out.getvalue().decode()
    assert len(out.lines()) == 4
    assert HIDDEN in text
    assert secret not in text
    assert json.dumps(secret)[1:-1] not in text


@pytest.mark.parametrize(
    "personal",
    [
        "anna.schmidt+shop@mail.example.org",
        "anna%40example.org",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl",
    ],
)
def test_an_address_and_a_token_are_hidden_in_whatever_others_chose_as_an_id(personal: str) -> None:
    out = captured()
    log = logs.get("awards")

    log.info("payout_distributed", tournament_id=personal, dedup_key=f"prize:{personal}:1")
    log.info("odd: %s", personal, several=[{personal: (personal,)}])
    try:
        raise ValueError(personal)
    except ValueError:
        log.exception("failed")

    first, *_ = out.lines()
    assert first["dedup_key"] == f"prize:{HIDDEN}:1"
    assert personal not in out.getvalue().decode()


@pytest.mark.parametrize("piece", ["a", "a.", "eyJ", "eyJa.", "a@", "a%40"])
def test_hiding_them_takes_no_longer_for_texts_that_are_made_for_it(piece: str) -> None:
    out = captured()

    logs.get("awards").info("long", reason=piece * 300_000 + " anna@example.org", other="@")

    assert len(out.lines()) == 1


def test_places_of_records_are_not_taken_for_addresses() -> None:
    out = captured()

    logs.get("awards").info("here", at="points.earned[3]@1234", other="points.earned@17")

    assert out.lines()[0]["at"] == "points.earned[3]@1234"
    assert out.lines()[0]["other"] == "points.earned@17"


def test_a_password_in_key_value_form_is_hidden() -> None:
    out = captured(GAMIFICATION_POSTGRES_DSN="host=db user=app password='hunter22'")

    logs.get("awards").info("hunter22")

    assert b"hunter22" not in out.getvalue()


def test_an_exception_is_one_field_that_ends_with_the_error() -> None:
    out = captured()

    try:
        raise KeyError("lost" * 5000)
    except KeyError:
        logs.get("awards").exception("failed")

    (line,) = out.lines()
    assert line["level"] == "error"
    assert line["exception"].endswith("lost'")
    assert len(out.getvalue()) < logs.LINE_BYTES_MAX


def test_a_long_value_is_cut() -> None:
    out = captured()

    logs.get("awards").info("long", reason="x" * 100_000)

    (line,) = out.lines()
    assert len(line["reason"]) < 2100


def test_a_line_with_too_many_values_keeps_what_every_line_has() -> None:
    out = captured()

    logs.get("awards").info("wide", **{f"field_{n}": "x" * 1000 for n in range(100)})

    (line,) = out.lines()
    assert line["event"] == "wide"
    assert line["truncated_bytes"] > 100_000
    assert len(out.getvalue()) < 1000


def test_a_line_break_in_a_value_does_not_make_a_second_line() -> None:
    out = captured()

    logs.get("awards").info("one\ntwo", reason='three\n{"event":"forged"}')

    assert [line["event"] for line in out.lines()] == ["one\ntwo"]
    assert out.getvalue().count(b"\n") == 1


@pytest.mark.parametrize("value", ["\ud800", 2**70, b"\xff", object(), float("nan"), {1: {2}}])
def test_nothing_that_is_logged_can_make_logging_fail(value: object) -> None:
    out = captured()

    logs.get("awards").info("odd", value=value)

    assert len(out.lines()) == 1


def test_a_stream_that_is_gone_does_not_stop_the_work() -> None:
    out = captured()
    out.close()

    logs.get("awards").info("unheard")


def test_the_standard_library_s_loggers_and_warnings_end_up_here() -> None:
    out = captured()

    logging.getLogger("some.library").warning("%d of %d", 1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    first, second = out.lines()
    assert (first["level"], first["event"], first["source"]) == (
        "warning",
        "1 of 2",
        "some.library",
    )
    assert second["source"] == "py.warnings"
    assert "old" in second["event"]


def test_the_plain_form_is_a_line_for_people_without_secrets() -> None:
    out = captured(GAMIFICATION_LOG_FORMAT="plain")

    logs.get("awards").info("badge_awarded", customer_id=bytes(16), reason=PASSWORD)

    text = out.getvalue().decode()
    assert text.count("\n") == 1
    assert "badge_awarded" in text
    assert "00000000-0000-0000-0000-000000000000" in text
    assert PASSWORD not in text
    assert not text.startswith("{")


def test_without_a_terminal_the_form_is_json() -> None:
    out = captured(GAMIFICATION_LOG_FORMAT="auto")

    logs.get("awards").info("started")

    assert out.lines()[0]["event"] == "started"
