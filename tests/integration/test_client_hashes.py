"""Which client a refused call came from, as the log tells it: over real connections."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import structlog

from deploy.devstack.server import Addresses
from deploy.neighbours.tokens import mint
from gamification.telemetry import logs
from gamification.telemetry.clients import ClientHash
from tests.services_world import (
    AWARD,
    OTHER_SHOP,
    World,
    new_customer,
    refusal,
    world_of,
)

pytestmark = pytest.mark.servers

KEY = "a key for tests only"
NO_TOKEN = "nonsense"  # noqa: S105 - what it says
HOME = "127.0.0.1"


class Log(io.BytesIO):
    def lines(self, event: str) -> list[dict[str, Any]]:
        said = (json.loads(line) for line in self.getvalue().splitlines())
        return [line for line in said if line["event"] == event]


@pytest.fixture
def world(database_dsn: str, servers: Addresses, redis_url: str) -> Iterator[World]:
    assert redis_url  # emptied
    with world_of(
        database_dsn,
        servers,
        GAMIFICATION_CLIENT_HASH_KEY=KEY,
        GAMIFICATION_AWARD_BADGE_PER_S="1",
    ) as made:
        yield made


@pytest.fixture
def log(world: World) -> Iterator[Log]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    out = Log()
    logs.configure(world.settings, "service", out)
    structlog.configure(cache_logger_on_first_use=False)  # later tests listen elsewhere
    yield out
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def hash_of(address: str) -> str:
    return ClientHash(KEY).of_peer(f"ipv4:{address}:1")


def test_lines_of_a_refused_call_name_its_client_by_a_hash(world: World, log: Log) -> None:
    stranger = mint(OTHER_SHOP, AWARD)
    refusal(lambda: world.caller.award(new_customer(), token=NO_TOKEN))
    refusal(lambda: world.caller.award(new_customer(), token=stranger))

    def too_often() -> None:
        for _ in range(20):
            world.caller.award(new_customer(), token=stranger, merchant=OTHER_SHOP)

    refusal(too_often)
    world.users.behaviour.status = grpc.StatusCode.INTERNAL
    refusal(lambda: world.caller.award(new_customer()))

    for event in ("authentication_failed", "permission_denied", "call_failed", "limited"):
        assert {line["client"] for line in log.lines(event)} == {hash_of(HOME)}, event
    assert HOME not in log.getvalue().decode()


def test_a_line_that_belongs_to_no_call_names_no_client(world: World, log: Log) -> None:
    refusal(lambda: world.caller.award(new_customer(), token=NO_TOKEN))

    logs.get("tests").info("between")

    assert "client" not in log.lines("between")[0]
