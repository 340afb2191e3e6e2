"""`python -m cli.topics` and `python -m cli.schemas` against the real servers."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka.admin import AdminClient

from deploy.devstack.stack import Stack
from gamification.adapters.kafka.admin import Admin
from gamification.adapters.kafka.topics import TopicPlan
from gamification.domain.errors import Halt
from tests.waiting import eventually

pytestmark = pytest.mark.servers

ROOT: Final = Path(__file__).parents[2]
WITHIN_S: Final = 60
NOBODY: Final = "127.0.0.1:1"


class Outcome:
    """How a command ended, and what it said."""

    def __init__(self, done: "subprocess.CompletedProcess[str]") -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def rows(self) -> list[dict[str, Any]]:
        return list(json.loads(self.out))


@pytest.fixture
def environment(own_stack: Stack) -> dict[str, str]:
    return {
        "KAFKA_BROKER": own_stack.addresses.kafka_bootstrap,
        "GAMIFICATION_SCHEMA_REGISTRY_URL": own_stack.addresses.registry_url,
    }


def run(environment: Mapping[str, str], *arguments: str) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    return Outcome(done)


def test_topics_are_created_once_and_then_as_they_should_be(environment: dict[str, str]) -> None:
    run(environment, "cli.topics", "create")

    again = run(environment, "cli.topics", "create", "--json")
    check = run(environment, "cli.topics", "check")

    assert {row["created"] for row in again.rows} == {"existed before"}
    assert (check.code, check.out) == (0, "all topics are as they should be\n")
    topics = AdminClient({"bootstrap.servers": environment["KAFKA_BROKER"]}).list_topics(timeout=10)
    assert len(topics.topics["points.earned"].partitions) == 12
    assert len(topics.topics["gamification.relay"].partitions) == 2


def test_check_names_what_differs(environment: dict[str, str]) -> None:
    run(environment, "cli.topics", "create")
    wanted = {
        "GAMIFICATION_KAFKA_PARTITIONS": "24",
        "GAMIFICATION_KAFKA_REPLICATION": "3",
        "GAMIFICATION_VALUE_BYTES_MAX": "2048",
    }

    check = run(environment | wanted, "cli.topics", "check", "--json")

    assert check.code == 1
    said = {row["difference"] for row in check.rows if row["topic"] == "points.earned"}
    assert said == {
        "12 partitions, not 24",
        "1 replicas, not 3",
        "min.insync.replicas is 1, not 2",
        "max.message.bytes is 1114112, not 67584",
    }


def test_more_replicas_than_brokers_are_refused(own_stack: Stack) -> None:
    name = f"wide.{uuid.uuid4().hex}"

    with pytest.raises(Halt, match="INVALID_REPLICATION_FACTOR"):
        Admin(own_stack.addresses.kafka_bootstrap).create([TopicPlan(name, 1, 3, {})])


def test_a_topic_is_created_with_its_settings(own_stack: Stack) -> None:
    config = {"retention.ms": "-1", "max.message.bytes": "2000000"}
    wanted = TopicPlan(f"letters.{uuid.uuid4().hex}", 2, 1, config)
    admin = Admin(own_stack.addresses.kafka_bootstrap)

    assert admin.differences([wanted]) == ((wanted.name, "missing"),)
    assert admin.create([wanted]) == (wanted.name,)
    assert eventually(lambda: admin.differences([wanted]) == ())
    assert admin.create([wanted]) == ()


def test_schemas_are_registered_once_and_then_as_they_should_be(
    environment: dict[str, str],
) -> None:
    first = run(environment, "cli.schemas", "register", "--json")
    second = run(environment, "cli.schemas", "register", "--json")
    check = run(environment, "cli.schemas", "check")

    assert first.code == second.code == 0
    assert first.rows == second.rows
    assert len(first.rows) == 14
    assert (check.code, check.out) == (0, "all schemas are registered\n")


@pytest.mark.parametrize(
    ("arguments", "variable", "address"),
    [
        (("cli.topics", "create"), "KAFKA_BROKER", NOBODY),
        (("cli.topics", "check"), "KAFKA_BROKER", NOBODY),
        (("cli.schemas", "register"), "GAMIFICATION_SCHEMA_REGISTRY_URL", f"http://{NOBODY}"),
        (("cli.schemas", "check"), "GAMIFICATION_SCHEMA_REGISTRY_URL", f"http://{NOBODY}"),
    ],
    ids=str,
)
def test_a_dependency_that_is_away_is_said_in_one_line(
    arguments: tuple[str, str], variable: str, address: str
) -> None:
    ended = run({variable: address}, *arguments)

    assert ended.code == 3
    assert ended.out == ""
    assert ended.err.startswith("unavailable: ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("command", ["cli.topics", "cli.schemas"])
def test_help_has_examples_and_wrong_usage_has_its_own_code(command: str) -> None:
    assert "Example" in run({}, command, "check", "--help").out
    assert run({}, command, "unknown").code == 2
