"""`python -m cli.doctor` beside real servers and processes: well, missing, away, frozen."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from deploy.certificates import authority, issue, write
from deploy.devstack.database import create_database
from deploy.devstack.stack import Stack
from deploy.launch import ROOT, Application
from deploy.neighbours.auth import Auth
from deploy.neighbours.running import Running
from gamification.application.doctor.finding import State
from gamification.bootstrap.doctor import ALL_WITHIN_S, check_all
from gamification.settings import load
from tests.waiting import eventually

pytestmark = pytest.mark.servers

LATE_S: Final = 3.0
"""For a busy machine."""
ALL: Final = ("kafka", "postgres", "redis", "registry")
NEED: Final = {
    "postgres": {"postgres", "lag", "relay prompt", "relay rest", "projection"},
    "kafka": {"kafka", "lag", "relay prompt", "relay rest"},
    "redis": {"redis", "projection"},
    "registry": {"schema registry"},
}


class Told(NamedTuple):
    code: int
    rows: list[dict[str, str]]

    def of(self, state: str) -> set[str]:
        return {row["check"] for row in self.rows if row["state"] == state}

    def row(self, check: str) -> dict[str, str]:
        [found] = [row for row in self.rows if row["check"] == check]
        return found


def doctor(environment: Mapping[str, str], *options: str) -> Told:
    done = subprocess.run(
        [sys.executable, "-m", "cli.doctor", "--json", *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout, done.stderr
    return Told(done.returncode, json.loads(done.stdout))


@pytest.fixture(scope="module")
def installed(own_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """Everything set up and running."""
    with Application(own_stack.addresses, tmp_path_factory.mktemp("logs")) as application:
        application.prepare()
        application.start()
        yield application


def test_when_all_is_well_it_says_so(own_stack: Stack, installed: Application) -> None:
    environment = own_stack.addresses.as_environment()
    processes = [part for each in installed.workers for part in ("--process", each.url)]

    def is_well() -> None:
        told = doctor(environment, *processes)
        assert [row for row in told.rows if row["state"] != "ok"] == []
        assert told.code == 0
        assert {f"process {each.url}" for each in installed.workers} <= told.of("ok")
        assert {"lag points.earned", "lag gamification.replay", "partitions outbox"} <= told.of(
            "ok"
        )

    eventually(is_well, within_s=60)  # the relay makes its first position


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("how", ["stopped", pytest.param("frozen", marks=pytest.mark.slow)])
def test_who_is_away_is_named_in_time_and_the_others_are_looked_at(
    own_stack: Stack, installed: Application, name: str, how: str
) -> None:
    assert installed.workers
    server = getattr(own_stack, name)
    environment = own_stack.addresses.as_environment()
    if how == "frozen":
        server.pause()
    else:
        server.kill()
    try:
        told = doctor(environment)
    finally:
        if how == "frozen":
            server.resume()
        else:
            server.start()

    assert told.code == 3
    assert told.of("away") == NEED[name]
    assert all(row["what_to_do"] for row in told.rows if row["state"] == "away")


def test_all_of_them_frozen_are_told_in_time(own_stack: Stack) -> None:
    environment = own_stack.addresses.as_environment()
    for server in own_stack.servers:
        server.pause()
    try:
        begun = time.monotonic()
        found = check_all(load(environment), (), ())
        took_s = time.monotonic() - begun
        told = doctor(environment)
    finally:
        for server in own_stack.servers:
            server.resume()

    # Besides, Python needs a second or two before the first check.
    assert took_s < ALL_WITHIN_S + LATE_S
    away = set().union(*NEED.values())
    assert {each.check for each in found.findings if each.state == State.AWAY} == away
    assert told.code == 3
    assert told.of("away") == away


def test_an_empty_installation_is_told_what_to_run(own_stack: Stack, database_dsn: str) -> None:
    """Another database of the run's servers, with tables; nobody works on it."""
    environment = {
        **own_stack.addresses.as_environment(),
        "GAMIFICATION_POSTGRES_DSN": database_dsn,
        "GAMIFICATION_KAFKA_PARTITIONS": "24",
        "GAMIFICATION_CONSUMER_GROUP": "nobody-is-in-it",
    }

    told = doctor(environment)

    assert told.code == 1
    assert "cli.topics check" in told.row("kafka topics")["what_to_do"]
    assert told.row("award workers")["seen"] == "none in group nobody-is-in-it"
    assert "no relay is connected" in told.row("outbox rest")["seen"]
    assert "no projection is connected" in told.row("projection")["seen"]


def test_missing_tables_are_said_once(own_stack: Stack) -> None:
    dsn = create_database(own_stack.addresses.postgres_dsn, "empty")
    told = doctor({**own_stack.addresses.as_environment(), "GAMIFICATION_POSTGRES_DSN": dsn})

    assert told.row("postgres migrations")["what_to_do"] == "python -m cli.migrate"
    assert "outbox rest" not in {row["check"] for row in told.rows}


def test_wrong_settings_are_all_named_and_nobody_is_asked() -> None:
    told = doctor({"KAFKA_BROKER": "nowhere", "GAMIFICATION_REDIS_PORT": "99999"})

    assert told.code == 1
    assert {row["check"] for row in told.rows} == {"settings"}
    said = " ".join(row["seen"] for row in told.rows)
    assert "KAFKA_BROKER" in said
    assert "GAMIFICATION_REDIS_PORT" in said


def test_neighbours_certificates_and_others_are_looked_at_where_they_are_set(
    own_stack: Stack, tmp_path: Path
) -> None:
    ca = authority()
    certificate, key = write(tmp_path, "mine", issue(ca, "mine", valid=timedelta(days=3)))
    ca_file, _ = write(tmp_path, "ca", ca)
    with Running(Auth()) as auth:
        environment = {
            **own_stack.addresses.as_environment(),
            "AUTH_HOST": auth.address,
            "USERS_HOST": "127.0.0.1:1",
            "CONSUL_HTTP_ADDR": "127.0.0.1:1",
            "GAMIFICATION_ARCHIVE_BUCKET": "audit",
            "GAMIFICATION_ARCHIVE_ENDPOINT_URL": "http://127.0.0.1:1",
            "GAMIFICATION_ARCHIVE_ACCESS_KEY_ID": "id",
            "GAMIFICATION_ARCHIVE_SECRET_ACCESS_KEY": "very-secret-key",
        }
        told = doctor(environment)
        with_tls = doctor(
            {
                **own_stack.addresses.as_environment(),
                "GAMIFICATION_TLS_CERTIFICATE": str(certificate),
                "GAMIFICATION_TLS_KEY": str(key),
                "GAMIFICATION_TLS_CA": str(ca_file),
            }
        )

    assert told.row("auth")["state"] == "ok"
    assert told.row("auth")["seen"].startswith("answers")
    assert {"users", "consul", "object store"} <= told.of("away")
    assert "very-secret-key" not in json.dumps(told.rows)
    found = with_tls.row("certificate GAMIFICATION_TLS_CERTIFICATE")
    assert found["state"] == "warning"
    assert "mine: until" in found["seen"]
    assert with_tls.row("certificate GAMIFICATION_TLS_CA")["state"] == "ok"
    assert with_tls.row("certificates")["state"] == "ok"


def test_a_process_that_is_not_there_is_away(own_stack: Stack) -> None:
    told = doctor(own_stack.addresses.as_environment(), "--process", "http://127.0.0.1:1")

    assert told.row("process http://127.0.0.1:1")["state"] == "away"
