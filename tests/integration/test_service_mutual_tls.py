"""The whole service by mutual TLS: who may call, whom it calls, and new certificates for all."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from deploy.devstack.server import Addresses
from deploy.neighbours.tokens import mint
from gamification.adapters.services.channels import LOOK_EVERY_S
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from tests.services_world import AWARD, SHOP, Caller, World, new_customer, refusal, world_of
from tests.tls_folder import Folder
from tests.waiting import eventually

pytestmark = pytest.mark.servers

REFUSED_WITHIN_S = 3.0


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "tls")


@pytest.fixture
def world(database_dsn: str, servers: Addresses, redis_url: str, folder: Folder) -> Iterator[World]:
    assert redis_url  # emptied
    with world_of(database_dsn, servers, folder) as made:
        yield made


def is_refused(world: World, credentials: grpc.ChannelCredentials | None) -> bool:
    """Whether a new connection with these does not come through. Else the call is answered."""
    caller = Caller(world.service.address, credentials)
    try:
        caller.award(new_customer(), within_s=REFUSED_WITHIN_S)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        assert code is grpc.StatusCode.UNAVAILABLE
        return True
    finally:
        caller.channel.close()
    return False


def shown_to(folder: Folder, address: str) -> x509.Certificate:
    """The certificate that the service shows to a new connection of ours."""
    host, _, port = address.rpartition(":")
    paths = folder.paths("client")
    context = ssl.create_default_context(cafile=paths.ca)
    context.load_cert_chain(paths.certificate, paths.key)
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, int(port)), timeout=REFUSED_WITHIN_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as wrapped,
    ):
        shown = wrapped.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown)


def test_a_caller_with_a_certificate_is_answered_and_so_are_we(world: World) -> None:
    anna = new_customer()
    assert world.caller.award(anna).status == pb.AWARD_STATUS_AWARDED
    assert world.badges(anna) == ["friend", "guest"]
    # Both were asked by mutual TLS, too: they take nothing else.
    assert world.auth.behaviour.calls == 1
    assert world.users.behaviour.calls == 1


def test_whoever_has_no_good_certificate_stays_out(
    world: World, folder: Folder, tmp_path: Path
) -> None:
    stranger = Folder(tmp_path / "stranger")
    of_another_ca = grpc.ssl_channel_credentials(
        folder.read("ca.crt"), stranger.read("client.key"), stranger.read("client.crt")
    )
    assert is_refused(world, None), "in clear"
    assert is_refused(world, folder.channel_credentials(None)), "without a certificate"
    assert is_refused(world, of_another_ca)
    folder.expire("client")
    assert is_refused(world, folder.channel_credentials("client")), "expired"
    folder.renew("client")
    assert not is_refused(world, folder.channel_credentials("client"))
    assert world.auth.behaviour.calls == 1, "those who stayed out never got as far as their token"


def test_all_certificates_may_change_while_it_runs(world: World, folder: Folder) -> None:
    anna = new_customer()
    assert world.caller.award(anna).status == pb.AWARD_STATUS_AWARDED
    before = shown_to(folder, world.service.address)
    old = folder.channel_credentials("client")

    folder.rotate("the second CA")

    after = shown_to(folder, world.service.address)
    assert after.issuer != before.issuer
    assert "second" in after.issuer.rfc4514_string()
    assert is_refused(world, old)
    # Who is connected stays so.
    assert world.caller.award(anna).status == pb.AWARD_STATUS_ALREADY_AWARDED
    # The neighbours ask every new connection for the new CA's certificates.
    for neighbour in (world.auth, world.users):
        neighbour.stop()
        neighbour.start()
    caller = Caller(world.service.address, folder.channel_credentials("client"))

    def is_answered() -> bool:
        try:
            answer = caller.award(new_customer(), token=mint(SHOP, AWARD))
        except grpc.RpcError:
            return False
        return answer.status == pb.AWARD_STATUS_AWARDED

    try:
        eventually(is_answered, within_s=20 + LOOK_EVERY_S)
    finally:
        caller.channel.close()


def test_half_a_setting_is_told_at_the_start(
    database_dsn: str, servers: Addresses, folder: Folder
) -> None:
    with (
        pytest.raises(Exception, match="all of GAMIFICATION_TLS_CERTIFICATE"),
        world_of(database_dsn, servers, folder, GAMIFICATION_TLS_KEY=""),
    ):
        pass


def test_a_call_that_is_refused_tells_nothing_of_us(world: World, folder: Folder) -> None:
    caller = Caller(world.service.address, folder.channel_credentials("client"))
    try:
        ended = refusal(lambda: caller.award(new_customer(), token="nonsense"))  # noqa: S106
        assert ended.code() is grpc.StatusCode.UNAUTHENTICATED
    finally:
        caller.channel.close()
