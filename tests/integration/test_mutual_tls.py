"""mTLS over real connections: who has no certificate stays out, and renewed ones hold at once."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from deploy import certificates
from gamification.adapters.tls import TlsFiles
from gamification.api.grpc.credentials import server_credentials
from gamification.domain.errors import Halt
from tests.tls_folder import Folder

ASK_WITHIN_S = 5.0


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "tls")


async def answers(port: int, credentials: grpc.ChannelCredentials | None) -> bool:
    """Whether a new connection gets an answer."""
    target = f"localhost:{port}"
    channel = (
        grpc.aio.insecure_channel(target)
        if credentials is None
        else grpc.aio.secure_channel(target, credentials)
    )
    async with channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            await stub.Check(  # type: ignore[attr-defined]
                health_pb2.HealthCheckRequest(), timeout=ASK_WITHIN_S
            )
        except grpc.aio.AioRpcError:
            return False
        return True


def with_server(folder: Folder, ask: "Callable[[int], object]") -> None:
    """Run `ask(port)`, a coroutine function, against a server with mTLS."""

    async def run() -> None:
        server = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
        files = TlsFiles(folder.paths("server"))
        port = server.add_secure_port("127.0.0.1:0", server_credentials(files))
        await server.start()
        try:
            await ask(port)  # type: ignore[misc]
        finally:
            await server.stop(None)

    asyncio.run(run())


def test_only_callers_with_a_certificate_of_our_ca_get_in(folder: Folder, tmp_path: Path) -> None:
    stranger = Folder(tmp_path / "stranger")

    async def ask(port: int) -> None:
        assert await answers(port, folder.channel_credentials("client"))
        assert not await answers(port, None)
        assert not await answers(port, folder.channel_credentials(None))
        assert not await answers(port, stranger.channel_credentials("client"))

    with_server(folder, ask)


def test_renewed_files_hold_from_the_next_connection_on(folder: Folder) -> None:
    async def ask(port: int) -> None:
        assert await answers(port, folder.channel_credentials("client"))
        folder.ca = certificates.authority("another CA")
        certificates.write(folder.path, "ca", folder.ca)
        old = folder.channel_credentials("client")  # of the old CA, trusting the new one
        folder.renew("server")
        folder.renew("client")
        assert await answers(port, folder.channel_credentials("client"))
        assert not await answers(port, old)

    with_server(folder, ask)


def test_half_written_files_are_not_taken(folder: Folder) -> None:
    files = TlsFiles(folder.paths("server"))
    before = files.newest()
    (folder.path / "server.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\nhalf")
    assert files.newest() == before
    folder.renew("server")
    renewed = files.newest()
    assert renewed != before
    assert files.newest() is renewed


@pytest.mark.parametrize("name", ["server.crt", "server.key", "ca.crt"])
def test_a_missing_file_is_named_at_the_start(folder: Folder, name: str) -> None:
    (folder.path / name).unlink()
    with pytest.raises(Halt, match=r"TLS files:"):
        TlsFiles(folder.paths("server"))


def test_a_key_of_another_certificate_is_refused_at_the_start(folder: Folder) -> None:
    (folder.path / "server.key").write_bytes(folder.read("client.key"))
    with pytest.raises(Halt, match="do not fit together"):
        TlsFiles(folder.paths("server"))
