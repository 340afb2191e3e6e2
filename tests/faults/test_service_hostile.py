"""The service's port among strangers: garbage, half-open peers, too much, and far too many."""

import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import grpc
import pytest

from deploy.devstack.stack import Stack
from deploy.neighbours.tokens import mint
from gamification.api.grpc.server import CONNECTIONS_MAX, OPTIONS, REQUEST_BYTES_MAX
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from tests.faults.service_process import World, service_process
from tests.http2 import DATA, HEADERS, PREFACE, Peer, frame, headers, settings
from tests.services_world import (
    AWARD,
    EDIT,
    OTHER_SHOP,
    SHOP,
    Caller,
    bearer,
    new_customer,
    refusal,
)
from tests.waiting import eventually

pytestmark = pytest.mark.faults

PATH = "/gamification.v1.GamificationService/AwardBadge"
HANDSHAKE_S = dict(OPTIONS)["grpc.server_handshake_timeout_ms"] / 1000
SILENT_S = (
    dict(OPTIONS)["grpc.keepalive_time_ms"] + dict(OPTIONS)["grpc.http2.ping_timeout_ms"]
) / 1000
CONNECTIONS = 10_000
BATCH = 500
WAVES = 4
MEMORY_MIB = 256
"""What a process of ours may have."""
OWN_FILES = 300
"""Of this test process, besides its connections."""

GARBAGE = {
    "random bytes": os.urandom(4096),
    "zeroes": bytes(4096),
    "HTTP/1": b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n",
    "a TLS greeting": bytes.fromhex("1603010200010001fc0303") + os.urandom(512),
    "a preface with a spelling mistake": PREFACE.replace(b"SM", b"MS") + settings(),
    "a frame larger than allowed": PREFACE + settings() + b"\xff\xff\xff\0\0\0\0\0\1",
    "headers that cannot be unpacked": PREFACE + settings() + frame(HEADERS, 4, 1, b"\xff" * 64),
    "data on no stream": PREFACE + settings() + frame(DATA, 0, 0, b"data"),
    "settings of half a length": PREFACE + frame(4, 0, 0, b"\0\4\0"),
}


@pytest.fixture(scope="module")
def world(own_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    logs = tmp_path_factory.mktemp("service")
    with service_process(own_stack, logs, GAMIFICATION_AWARD_BADGE_PER_S="100000") as one:
        assert one.answers()
        yield one
        assert one.worker.is_running()
        assert one.token not in one.worker.log_text()
        assert "Traceback" not in one.worker.log_text()


def connect(world: World) -> socket.socket:
    host, _, port = world.address.rpartition(":")
    return socket.create_connection((host, int(port)), 20)


def hung_up(connection: socket.socket) -> bool:
    """Read all that there is, for a short while; whether the other side has closed."""
    connection.settimeout(0.05)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def strangers(world: World, count: int, first_words: bytes) -> Iterator[list[socket.socket]]:
    """So many connections, in batches: who is refused is counted too."""
    made: list[socket.socket] = []
    try:
        while len(made) < count:
            made += [connect(world) for _ in range(min(BATCH, count - len(made)))]
            for one in made[-BATCH:]:
                try:
                    one.sendall(first_words)
                except OSError:
                    continue  # hung up already
        yield made
    finally:
        for one in made:
            one.close()


class GoodCaller:
    """Calls one after the other from the beginning to the end of the block."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._call)
        self.answered = 0
        self.refused: list[Any] = []

    def _call(self) -> None:
        while not self._over.is_set():
            try:
                self._world.award(new_customer())
                self.answered += 1
            except grpc.RpcError as error:
                self.refused.append(error)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_ends_its_own_connection_and_no_other(world: World, kind: str) -> None:
    with connect(world) as stranger:
        stranger.sendall(GARBAGE[kind])
        eventually(lambda: hung_up(stranger), within_s=HANDSHAKE_S + 10)
    assert world.answers()


def test_half_open_peers_are_not_waited_for(world: World) -> None:
    """Some say nothing at all, some begin and stop: they are gone after the handshake's time."""
    before = world.open_files()
    with strangers(world, 100, b"") as silent, strangers(world, 100, PREFACE) as begun:
        eventually(lambda: world.open_files() >= before + 200)
        assert world.answers()
        eventually(lambda: world.open_files() <= before + 5, within_s=HANDSHAKE_S + 15)
        assert all(hung_up(each) for each in [*silent, *begun])
    assert world.answers()


@pytest.mark.slow
def test_a_peer_that_stopped_answering_is_noticed(world: World) -> None:
    """It went through the handshake, and then its machine was switched off."""
    before = world.open_files()
    with strangers(world, 50, PREFACE + settings()):
        eventually(lambda: world.open_files() >= before + 50)
        eventually(lambda: world.open_files() <= before + 5, within_s=SILENT_S + 20, every_s=0.5)
    assert world.answers()


def raw_call(world: World, message: bytes, **metadata: str) -> Any:
    """The status with which a call of these bytes ends."""
    call = world.caller.channel.unary_unary(PATH, bytes, bytes)
    sent = (*bearer(world.token), *metadata.items())
    return refusal(lambda: call(message, metadata=sent, timeout=20))


def test_a_message_that_is_too_large_is_resource_exhausted(world: World) -> None:
    assert raw_call(world, bytes(REQUEST_BYTES_MAX + 1)).code() is (
        grpc.StatusCode.RESOURCE_EXHAUSTED
    )
    assert raw_call(world, bytes(16 * 1024 * 1024)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert raw_call(world, b"", more="x" * 64 * 1024).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert world.answers()


def test_a_message_that_says_it_is_endless_is_refused_before_it_comes(world: World) -> None:
    lie = headers(PATH, 1) + frame(DATA, 0, 1, b"\0\xff\xff\xff\xff")
    before = world.memory_mib()
    with Peer(world.address) as peer:
        peer.send(lie)
        peer.read_until(lambda received: b"grpc-status" in received)
    assert world.memory_mib() < before + 20
    assert world.answers()


def test_bytes_that_are_no_message_are_an_invalid_argument(world: World) -> None:
    for message in (b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x02\xff\xff"):
        assert raw_call(world, message).code() is grpc.StatusCode.INVALID_ARGUMENT
    assert world.answers()


def test_a_call_that_is_never_finished_ends_with_its_connection(world: World) -> None:
    """Headers, and never a message: such calls are open, and gone with their peers."""
    before = world.open_files()
    calls = b"".join(headers(PATH, stream) for stream in range(1, 401, 2))
    peers = [Peer(world.address) for _ in range(20)]
    for peer in peers:
        peer.send(calls)
    assert world.answers()
    for peer in peers:
        peer.close()
    eventually(lambda: world.open_files() <= before + 2)
    assert world.answers()


def test_an_unknown_method_is_unimplemented(world: World) -> None:
    call = world.caller.channel.unary_unary("/gamification.v1/Nothing", bytes, bytes)
    assert refusal(lambda: call(b"", timeout=20)).code() is grpc.StatusCode.UNIMPLEMENTED


def revoke(world: World, token_id: str) -> None:
    """As an operator does."""
    argv = [sys.executable, "-m", "cli.revoke_token", "--token-id", token_id, "--yes"]
    environment = {**os.environ, **world.stack.addresses.as_environment()}
    subprocess.run(argv, env=environment, check=True, capture_output=True, timeout=60)


def test_tokens_that_do_not_do_are_refused_each_for_its_reason(world: World) -> None:
    unauthenticated, denied = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
    revoked = mint(SHOP, AWARD, jti="revoked-1")
    assert world.caller.award(new_customer(), token=revoked).status == pb.AWARD_STATUS_AWARDED
    revoke(world, "revoked-1")
    expected = {
        revoked: unauthenticated,
        mint(SHOP, AWARD, life_s=-10): unauthenticated,
        mint(SHOP, AWARD)[:-3] + "abc": unauthenticated,
        "x" * 8000: unauthenticated,
        mint(SHOP, ()): denied,
        mint(SHOP, ("gamification:read",)): denied,
        mint(OTHER_SHOP, EDIT): denied,
    }
    with GoodCaller(world) as good:
        for _ in range(10):
            for token, status in expected.items():
                ended = refusal(lambda: world.caller.award(new_customer(), token=token))  # noqa: B023
                assert ended.code() is status
    assert good.answered > 0
    assert good.refused == []
    for token in expected:
        assert token not in world.worker.log_text()


def test_ten_thousand_connections_keep_no_good_caller_out_who_is_in(world: World) -> None:
    """So many as there is room for get in, the others are sent away; then all is as it was."""
    allow_files(CONNECTIONS)
    before = world.open_files()
    after_waves: list[float] = []
    for _ in range(WAVES):
        with (
            GoodCaller(world) as good,
            strangers(world, CONNECTIONS, PREFACE + settings()) as crowd,
        ):
            eventually(lambda: inside(crowd) <= CONNECTIONS_MAX, within_s=60)
            assert inside(crowd) >= CONNECTIONS_MAX * 0.9
            assert world.open_files() <= before + CONNECTIONS_MAX + 20
            assert told_when_full(world) is grpc.StatusCode.UNAVAILABLE
            seen = good.answered
            eventually(lambda: good.answered > seen + 20, within_s=60)  # noqa: B023
        assert good.refused == []
        eventually(lambda: world.open_files() <= before + 5, within_s=30)
        after_waves.append(world.memory_mib())
    # What a crowd took stays with the allocator and is used for the next one.
    assert after_waves[-1] < after_waves[-2] + 8, after_waves
    assert max(after_waves) < MEMORY_MIB
    newcomer = Caller(world.address)
    try:
        newcomer.award(new_customer(), token=world.token)
    finally:
        newcomer.channel.close()


@pytest.mark.slow
def test_with_room_for_ten_thousand_all_of_them_are_held(own_stack: Stack, tmp_path: Path) -> None:
    allow_files(CONNECTIONS)
    room = {"GAMIFICATION_CONNECTIONS_MAX": str(CONNECTIONS + 100)}
    with service_process(own_stack, tmp_path, **room) as world:
        assert world.answers()
        before = world.open_files()
        with strangers(world, CONNECTIONS, PREFACE + settings()) as crowd:
            eventually(lambda: world.open_files() >= before + CONNECTIONS - 10, within_s=60)
            assert inside(crowd) == CONNECTIONS
            newcomer = Caller(world.address)
            newcomer.award(new_customer(), token=world.token)
            newcomer.channel.close()
            assert world.memory_mib() < 512
        eventually(lambda: world.open_files() <= before + 5, within_s=60)
        assert world.answers()


def inside(crowd: Sequence[socket.socket]) -> int:
    """How many of them were not sent away."""
    count = 0
    for one in crowd:
        one.settimeout(0)
        try:
            while one.recv(65_536):
                pass
        except BlockingIOError:
            count += 1
        except OSError:
            continue
    return count


def told_when_full(world: World) -> grpc.StatusCode:
    """What a new caller's own library says when it cannot connect."""
    newcomer = Caller(world.address)
    try:
        newcomer.award(new_customer(), token=world.token, within_s=5)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    finally:
        newcomer.channel.close()
    return grpc.StatusCode.OK


def allow_files(wanted: int) -> None:
    """Raise this process's own soft limit. Fails where the hard one is too small."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted + OWN_FILES:
        assert hard == resource.RLIM_INFINITY or hard >= wanted + OWN_FILES, (
            f"this test needs {wanted + OWN_FILES} open files; ulimit -Hn says {hard}"
        )
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + OWN_FILES, hard))
