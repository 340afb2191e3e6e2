"""Real processes: how they start, what they answer, how they end."""

import signal
import socket
import time
from pathlib import Path

import pytest

from tests.integration.tiny import START_WITHIN_S, Start, start
from tests.waiting import eventually

__all__ = ["start"]

PASSWORD = "hunter22"  # noqa: S105 - not a real one


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_asked_to_stop_does_so_soon_and_says_why(
    start: Start, number: signal.Signals
) -> None:
    tiny = start("turn")
    tiny.line("started")
    began = time.monotonic()

    tiny.popen.send_signal(number)

    assert tiny.ended() == 0
    assert time.monotonic() - began < 5
    assert tiny.line("stopping")["reason"] == number.name
    assert tiny.line("stopped")["reason"] == "asked to stop"
    assert tiny.err.read_text() == ""


def test_a_process_that_does_not_stop_in_time_is_ended_hard(start: Start) -> None:
    tiny = start("hang", GAMIFICATION_SHUTDOWN_WITHIN_S="1")
    tiny.line("started")

    tiny.popen.send_signal(signal.SIGTERM)

    assert tiny.ended() == 5
    forced = tiny.line("forced_stop")
    assert forced["reason"] == "time is over"
    assert 1 <= forced["after_s"] < 5
    assert "time.sleep(3600)" in forced["main_thread"]


def test_a_second_signal_ends_a_process_at_once(start: Start) -> None:
    tiny = start("hang", GAMIFICATION_SHUTDOWN_WITHIN_S="300")
    tiny.line("started")

    tiny.popen.send_signal(signal.SIGTERM)
    tiny.line("stopping")
    tiny.popen.send_signal(signal.SIGINT)

    assert tiny.ended() == 5
    assert tiny.line("forced_stop")["reason"] == "SIGINT"


@pytest.mark.parametrize(
    ("how", "code", "event", "reason"),
    [
        ("finish", 0, "stopped", "finished"),
        ("crash", 1, "crashed", "RuntimeError: a bug"),
        ("give_up", 3, "gave_up", "postgres: refused"),
        ("halt", 4, "halted", "the ledger and the balances differ"),
        ("halt_in_loop", 4, "halted", "going on would do harm"),
    ],
)
def test_how_a_process_ended_is_in_its_exit_code_and_its_log(
    start: Start, how: str, code: int, event: str, reason: str
) -> None:
    tiny = start(how)

    assert tiny.ended() == code
    assert tiny.line(event)["reason"] == reason
    assert tiny.err.read_text() == ""


def test_wrong_settings_stop_the_start_with_one_line_each_and_no_traceback(start: Start) -> None:
    tiny = start("turn", GAMIFICATION_BATCH_WAIT_MS="soon", GAMIFICATION_LOG_LEVEL="loud")

    assert tiny.ended() == 2
    assert tiny.out.read_text() == ""
    wait, level = sorted(tiny.err.read_text().splitlines())
    assert wait == (
        "GAMIFICATION_BATCH_WAIT_MS: 'soon' is not allowed; "
        "allowed: a whole number from 0 to 1000 ms"
    )
    assert level == (
        "GAMIFICATION_LOG_LEVEL: 'loud' is not allowed; allowed: debug, info, warning or error"
    )


def test_a_port_that_is_taken_is_told_in_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        tiny = start("turn", GAMIFICATION_HTTP_PORT=str(port))

        assert tiny.ended() == 2

    (line,) = tiny.lines()
    assert line["event"] == "start_failed"
    assert f"127.0.0.1 port {port}" in line["reason"]
    assert "GAMIFICATION_HTTP_PORT" in line["reason"]
    assert "exception" not in line


def test_a_process_that_turns_is_alive_and_ready(start: Start) -> None:
    tiny = start("turn")
    tiny.line("started")

    eventually(lambda: "worker" in tiny.get("/health").json()["checks"])
    for path in ("/health", "/health/"):
        answer = tiny.get(path)
        assert answer.status_code == 200
        assert answer.json() == {"status": "ok", "checks": {"worker": "ok"}}
    assert tiny.get("/ready").json() == {"status": "ok", "checks": {"database": "ok"}}
    assert tiny.get("/elsewhere").status_code == 404


def test_a_process_whose_dependency_is_away_is_alive_but_not_ready(start: Start) -> None:
    tiny = start("unready")
    tiny.line("started")
    eventually(lambda: "database" in tiny.get("/ready").json()["checks"])

    answer = tiny.get("/ready")

    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "database": "ConnectionError: no route to postgres",
        "broker": "ok",
    }
    assert tiny.get("/health").status_code == 200


def test_a_process_whose_loop_stands_still_is_not_alive(start: Start) -> None:
    tiny = start("hang", GAMIFICATION_HEARTBEAT_LIMIT_S="1")
    tiny.line("started")

    eventually(lambda: tiny.get("/health").status_code == 503, within_s=START_WITHIN_S)

    assert "did not turn for" in tiny.get("/health").json()["checks"]["worker"]


def test_no_secret_reaches_the_log_even_when_somebody_logs_it(start: Start) -> None:
    tiny = start(
        "print_secret", GAMIFICATION_POSTGRES_DSN=f"postgresql://app:{PASSWORD}@127.0.0.1/game"
    )

    assert tiny.ended() == 1
    assert {"connecting", "crashed"} <= {line["event"] for line in tiny.lines()}
    assert PASSWORD not in tiny.out.read_text() + tiny.err.read_text()


def test_a_misspelled_setting_is_a_warning(start: Start) -> None:
    tiny = start("finish", GAMIFICATION_BATCH_WIAT_MS="5")

    assert tiny.ended() == 0
    assert "GAMIFICATION_BATCH_WAIT_MS" in tiny.line("unknown_setting")["reason"]


def test_bare_processes_stay_small(start: Start) -> None:
    tiny = start("turn")
    tiny.get("/ready")
    tiny.get("/metrics")

    status = Path(f"/proc/{tiny.popen.pid}/status").read_text()

    resident_kib = int(status.split("VmRSS:")[1].split()[0])
    assert resident_kib < 80 * 1024


def test_a_process_dies_at_the_point_that_a_test_named(start: Start) -> None:
    tiny = start("reach_a_kill_point", GAMIFICATION_KILL_AT="here:2")

    assert tiny.ended() == -signal.SIGKILL
    assert [line["times"] for line in tiny.lines() if line["event"] == "reached"] == [1]
