"""What takes long in Postgres is told, without what it was about."""

import io
from typing import Any

import orjson
import pytest
import structlog

from deploy.devstack.server import Addresses
from gamification.adapters.postgres import slow
from gamification.adapters.postgres.connection import connect
from gamification.adapters.postgres.session import EngineSession, pipelined
from gamification.settings import load
from gamification.telemetry import logs

pytestmark = pytest.mark.servers


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    out = io.BytesIO()
    logs.configure(load({}), "tests", out)
    monkeypatch.setattr(slow, "log", logs.get("postgres"))
    monkeypatch.setattr(slow, "SLOW_S", 0.2)
    yield lambda: [orjson.loads(line) for line in out.getvalue().splitlines()]
    structlog.reset_defaults()


def test_a_slow_statement_is_told_by_its_text_and_not_by_its_values(
    servers: Addresses, told: Any
) -> None:
    database = connect(servers.postgres_dsn, "tests")
    database.execute("SELECT %s::text", ("quick",))
    database.execute("SELECT  pg_sleep(0.3),\n %s::text", ("anna",))
    database.close()
    [line] = told()
    assert (line["event"], line["level"]) == ("slow_query", "warning")
    assert line["statement"] == "SELECT pg_sleep(0.3), %s::text"
    assert line["seconds"] > 0.2
    assert "anna" not in str(line)


def test_a_slow_pipeline_is_told(servers: Addresses, told: Any) -> None:
    session = EngineSession(servers.postgres_dsn, "tests")
    with session.transaction() as tx, pipelined(tx):
        tx.execute("SELECT pg_sleep(0.3)")
    session.close()
    [line] = told()
    assert line["statement"] == "pipeline"
