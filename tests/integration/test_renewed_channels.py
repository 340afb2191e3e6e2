"""Our channels to other services when certificates change: new ones at once, old calls in peace."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from grpc import ServerCredentials

from deploy.neighbours import Running, Users
from gamification.adapters.services import channels, users
from gamification.adapters.services.call import Service
from gamification.adapters.services.channels import GIVEN_UP_MAX, LOOK_EVERY_S, Link
from gamification.adapters.services.users import UsersClient
from gamification.adapters.tls import TlsFiles
from gamification.api.grpc.credentials import server_credentials
from gamification.domain.errors import Unavailable
from gamification.domain.ids import CustomerId
from gamification.generated.users.v1.users_pb2 import GetCustomerRequest
from tests.services import GENEROUS, MERCHANT, Clock, in_loop
from tests.tls_folder import Folder
from tests.waiting import eventually_async, soon


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "tls")


@pytest.fixture
def neighbour(folder: Folder) -> Iterator[Running[Users]]:
    """It wants a certificate of the CA that is in the folder when a connection is made."""

    def credentials() -> ServerCredentials:
        return server_credentials(TlsFiles(folder.paths("server")))

    with Running(Users(knows_everybody=True), credentials=credentials) as running:
        yield running


def customer(number: int) -> CustomerId:
    return CustomerId(number.to_bytes(16, "big"))


@asynccontextmanager
async def client_of(
    neighbour: Running[Users], folder: Folder, clock: Clock
) -> AsyncIterator[tuple[UsersClient, Link]]:
    """A client that keeps nothing, with its link. It looks at the files when the clock says so."""
    link = Link(neighbour.address, TlsFiles(folder.paths("service")), clock=clock)
    try:
        yield UsersClient(link, Service(users.NAME, GENEROUS), 0), link
    finally:
        await link.close()


@in_loop
async def test_after_a_change_of_ca_new_connections_use_the_new_one(
    neighbour: Running[Users], folder: Folder
) -> None:
    clock, stopped = Clock(), Clock()
    async with (
        client_of(neighbour, folder, clock) as (client, _),
        client_of(neighbour, folder, stopped) as (as_it_was, _),
    ):
        assert await client.exists(MERCHANT, customer(1))
        assert await as_it_was.exists(MERCHANT, customer(1))
        folder.rotate("the second CA")
        neighbour.stop()
        neighbour.start()
        clock.now += LOOK_EVERY_S

        async def answered() -> bool:
            try:
                return await client.exists(MERCHANT, customer(2))
            except Unavailable:
                return False

        await eventually_async(answered, within_s=20)
        with pytest.raises(Unavailable):  # who does not look is out: the neighbour does ask for it
            await as_it_was.exists(MERCHANT, customer(2))


@in_loop
async def test_a_call_in_hand_ends_on_the_old_channel(
    neighbour: Running[Users], folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "GRACE_S", 4)
    clock = Clock()
    neighbour.behaviour.delay_s = 2
    async with client_of(neighbour, folder, clock) as (client, link):
        in_hand = asyncio.create_task(client.exists(MERCHANT, customer(1)))
        await soon(lambda: neighbour.behaviour.calls == 1)
        old = link._channel
        folder.rotate("the second CA")
        clock.now += LOOK_EVERY_S
        neighbour.behaviour.be_well()

        assert await client.exists(MERCHANT, customer(2))
        assert link._channel is not old
        assert not in_hand.done()
        assert await in_hand
        assert neighbour.behaviour.calls == 2, "none was made twice"
        await soon(lambda: not link._given_up)


@in_loop
async def test_a_call_that_never_ends_keeps_the_old_channel_no_longer_than_the_grace(
    neighbour: Running[Users], folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "GRACE_S", 0.2)
    clock = Clock()
    neighbour.behaviour.delay_s = 60
    async with client_of(neighbour, folder, clock) as (client, link):
        # By the method itself: a client would give up at its deadline.
        hung = asyncio.ensure_future(client._get(_request(), timeout=60, metadata=()))
        await soon(lambda: neighbour.behaviour.calls == 1)
        neighbour.behaviour.be_well()
        folder.rotate("the second CA")
        clock.now += LOOK_EVERY_S

        assert await client.exists(MERCHANT, customer(2))
        await soon(lambda: not link._given_up)
        assert hung.cancelled() or hung.exception() is not None


@in_loop
async def test_files_that_change_all_the_time_do_not_gather_channels(
    neighbour: Running[Users], folder: Folder
) -> None:
    clock = Clock()
    async with client_of(neighbour, folder, clock) as (client, link):
        hung = []
        for number in range(GIVEN_UP_MAX + 3):
            neighbour.behaviour.delay_s = 60
            calls = neighbour.behaviour.calls
            hung.append(asyncio.ensure_future(client._get(_request(), timeout=60, metadata=())))
            await soon(lambda: neighbour.behaviour.calls > calls)  # noqa: B023
            neighbour.behaviour.be_well()
            folder.renew("service")
            clock.now += LOOK_EVERY_S
            assert await client.exists(MERCHANT, customer(number))

        assert len(link._given_up) == GIVEN_UP_MAX
    await asyncio.gather(*hung, return_exceptions=True)


@in_loop
async def test_files_that_do_not_fit_together_change_nothing(
    neighbour: Running[Users], folder: Folder
) -> None:
    clock = Clock()
    async with client_of(neighbour, folder, clock) as (client, link):
        assert await client.exists(MERCHANT, customer(1))
        old = link._channel
        (folder.path / "service.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\nhalf")
        clock.now += LOOK_EVERY_S

        assert await client.exists(MERCHANT, customer(2))
        assert link._channel is old


def _request() -> GetCustomerRequest:
    return GetCustomerRequest(customer_id="c", merchant_id="m")
