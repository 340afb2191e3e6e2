"""Callers' pacts: the points service does what it should with each answer, and we give them.

`pacts/` holds a file of each caller. Ours is verified beside whatever else lies there.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from pact import Verifier

from deploy.devstack.server import Addresses
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from tests.contract.pact_provider import Provider
from tests.contract.pact_stub import Stub, answering
from tests.contract.points_pact import EXPECTED, FOLDER, PROVIDER, TOKEN, Expected, write
from tests.contract.points_service import give_badge
from tests.services_world import world_of

PACTS = sorted(FOLDER.glob("*.json"))
TRACKED = "We are tracking events"


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda each: each.what)
def test_the_points_service_knows_what_to_do_next(expected: Expected, tmp_path: Path) -> None:
    stub = Stub(write(tmp_path), expected.what)
    with answering(stub) as channel:
        request = ParseDict(expected.request, pb.AwardBadgeRequest())
        assert give_badge(channel, TOKEN, request) == expected.outcome
    assert stub.asked == expected.request
    assert stub.authorization == f"Bearer {TOKEN}"


def test_the_pact_that_is_committed_is_the_one_of_the_points_service(tmp_path: Path) -> None:
    made = write(tmp_path)
    committed = FOLDER / made.name
    assert _said(committed) == _said(made), "run python -m tests.contract.points_pact"


@pytest.fixture
def provider(database_dsn: str, servers: Addresses, redis_url: str) -> Iterator[Provider]:
    with world_of(database_dsn, servers) as world:
        yield Provider(world, redis_url)


@pytest.mark.servers
@pytest.mark.parametrize("path", PACTS, ids=lambda path: path.stem)
def test_the_service_keeps_the_pact(
    provider: Provider, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with _verifier(provider, path) as verifier:
        verifier.verify()
    verified = verifier.results["interactionResults"]
    assert len(verified) == len(_said(path)["interactions"])
    assert {each["result"] for each in verified} == {"OK"}
    assert TRACKED not in caplog.text


@pytest.mark.servers
def test_a_broken_pact_is_noticed(provider: Provider, tmp_path: Path) -> None:
    path = write(tmp_path)
    said = json.loads(path.read_text())
    for interaction in said["interactions"]:
        metadata = interaction["response"][0]["metadata"]
        metadata["grpc-status"] = "OK" if metadata["grpc-status"] != "OK" else "NOT_FOUND"
    path.write_text(json.dumps(said))
    with _verifier(provider, path) as verifier, pytest.raises(RuntimeError):
        verifier.verify()
    assert len(verifier.results["errors"]) == len(EXPECTED)


@contextmanager
def _verifier(provider: Provider, path: Path) -> Iterator[Verifier]:
    verifier: Any = (
        Verifier(PROVIDER)
        .add_source(path)
        .message_handler(provider.answer)
        .state_handler(provider.state, teardown=True)
        .set_coloured_output(enabled=False)
    )
    try:
        yield verifier
    finally:
        # Pact stops its own small servers, and leaves their sockets to the garbage collector.
        for served in (verifier._message_producer, verifier._state_handler):
            if served._server is not None:
                served._server.server_close()


def _said(path: Path) -> dict[str, Any]:
    """All but the versions of who wrote it."""
    said: dict[str, Any] = json.loads(path.read_text())
    said.pop("metadata")
    return said
