"""An address and a token go in wherever they can: nothing that is kept or said has them.

What may have them, and why, is in docs/security.md.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from typing import Any, Final

import psycopg
import pytest
from fastavro import parse_schema, schemaless_reader

from deploy.devstack.ports import Ports
from deploy.launch import KINDS, ROOT
from deploy.neighbours.auth import Auth
from deploy.neighbours.running import Running
from deploy.neighbours.users import Users
from tests.faults.harness import Chain
from tests.faults.privacy_mess import ADDRESS, DOMAIN, Calls, Events
from tests.faults.privacy_search import DLQ, Needles, Place, everywhere, records
from tests.otlp_receiver import OtlpReceiver
from tests.records import SCHEMAS
from tests.waiting import eventually

pytestmark = pytest.mark.faults

SHOP: Final = "6f9b1c8e-0b1d-4d55-9a37-2f6a3c1f0001"
REVOKED_WITHIN_S: Final = 60

HEAD_CHARACTERS: Final = 24

LETTERS: Final = {Place("kafka", f"{DLQ} {part}") for part in ("key", "value")}
"""Kept whole: that is what they are for."""
ON_THE_WAY: Final = {Place("postgres", f"outbox.{part} of letters") for part in ("key", "value")}
"""For GAMIFICATION_OUTBOX_KEEP_HOURS."""
IDS: Final = {
    Place("postgres", "completions.value"),
    Place("postgres", "payouts.tournament_id"),
    Place("postgres", "payouts.match_id"),
}
"""What a producer calls a lesson, a course or a tournament: kept so that it counts once."""
ALLOWED: Final = LETTERS | ON_THE_WAY | IDS


class World:
    """All processes on servers of their own, and what was sent to them."""

    def __init__(self, chain: Chain, events: Events, calls: Calls, receiver: OtlpReceiver) -> None:
        self.chain = chain
        self.receiver = receiver
        self.events = events
        self.calls = calls

    @property
    def needles(self) -> Needles:
        """A token is found by any of its parts but the first, which all have."""
        parts = {part for token in self.calls.tokens for part in token.split(".")[1:]}
        heads = {part[:HEAD_CHARACTERS] for part in parts}  # of a token that was cut
        return Needles({ADDRESS, DOMAIN, *parts, *heads})

    def handled(self) -> None:
        database = self.chain.addresses.postgres_dsn
        with psycopg.connect(database, autocommit=True) as each:
            counted = each.execute("SELECT count(*) FROM processed_events").fetchone()
            parked = each.execute("SELECT count(*) FROM dead_letters").fetchone()
        assert (counted, parked) == ((self.events.good,), (self.events.bad,))


@pytest.fixture
def world(chain: Chain) -> Iterator[World]:
    ports = Ports()
    address = f"127.0.0.1:{ports.take()}"
    with (
        OtlpReceiver() as receiver,
        Running(Auth()) as auth,
        Running(Users(knows_everybody=True)) as users,
    ):
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "AUTH_HOST": auth.address,
            "USERS_HOST": users.address,
            "GAMIFICATION_GRPC_PORT": address.rpartition(":")[2],
            "GAMIFICATION_LOG_LEVEL": "debug",
        }
        for worker in [chain.launch(kind, settings) for kind in (*KINDS, "service")]:
            worker.wait_ready()
        calls = Calls(address, SHOP, auth.behaviour, users.behaviour)
        with closing(calls):
            events = Events(chain.addresses, SHOP, calls.token("gamification:award"))
            yield World(chain, events, calls, receiver)
    ports.release()


def test_an_address_and_a_token_are_kept_nowhere(world: World) -> None:
    world.events.send()
    eventually(world.handled, within_s=120)
    world.calls.make()
    revoke(world.calls.tokens[0], world.chain)
    world.chain.drain()

    found = everywhere(world.chain.addresses, world.chain.workers, world.needles)

    assert {place: found[place] for place in found.keys() - ALLOWED} == {}
    assert ALLOWED - found.keys() == set(), "the search sees what is there"
    for told in world.calls.told:
        assert not world.needles.found_in(told.encode())
    assert_no_span_tells(world)
    assert_letters_of_addresses_are_blanked(world)
    assert_every_path_was_taken(world)


def revoke(token: str, chain: Chain) -> None:
    """As an operator does; what the command says is kept by shells, too."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.revoke_token", "--yes"],
        cwd=ROOT,
        env={**os.environ, **chain.addresses.as_environment()},
        input=token,
        capture_output=True,
        text=True,
        check=True,
        timeout=REVOKED_WITHIN_S,
    )
    assert not Needles([token]).found_in((done.stdout + done.stderr).encode())


def assert_no_span_tells(world: World) -> None:
    """Of events and calls alike; the ones sent last are told last."""
    names = {
        "process customer.updated",
        "publish gamification.dlq",
        "gamification.v1.GamificationService/PurgeAuditLogs",
        "call auth",
    }
    told = world.receiver
    eventually(lambda: names <= {span.name for span in told.spans}, within_s=60)
    assert not any(world.needles.found_in(raw) for raw in told.raw)


def assert_letters_of_addresses_are_blanked(world: World) -> None:
    """A `customer.updated` that can be read is no reason to keep its address."""
    blanked = [record for record in records(world.chain.addresses) if record.header("dlq.blanked")]
    assert blanked
    schema = parse_schema(json.loads(SCHEMAS["customer.updated"]))
    for record in blanked:
        said: Any = schemaless_reader(BytesIO((record.value or b"")[5:]), schema, None)
        assert said["email"] == ""


def assert_every_path_was_taken(world: World) -> None:
    """The lines and metrics that the mess must have brought: else nothing was shown."""
    lines = [
        json.loads(line)
        for worker in world.chain.workers
        for line in worker.log_text().splitlines()
        if line.startswith("{")
    ]
    said = {line["event"] for line in lines}
    wanted = {"dead_lettered", "payout_distributed", "authentication_failed", "permission_denied"}
    assert wanted | {"call_failed", "answer_unusable", "audit_purged"} <= said
    clients = {line["client"] for line in lines if "client" in line}
    assert len(clients) == 1
    assert "127.0.0.1" not in clients
