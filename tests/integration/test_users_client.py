"""Whether a customer exists, asked of a real users service; their address stays with it."""

import traceback
from collections.abc import Iterator

import grpc
import pytest
from structlog.testing import capture_logs

from deploy.neighbours import Lie, Running, Users
from gamification.domain.errors import Unavailable
from gamification.domain.ids import CustomerId, MerchantId
from tests.services import (
    CUSTOMER,
    CUSTOMER_TEXT,
    MERCHANT,
    MERCHANT_TEXT,
    Clock,
    in_loop,
    users_client,
)

STRANGER = CustomerId(bytes(16))
OTHER_MERCHANT = MerchantId(bytes(15) + b"\x07")


@pytest.fixture
def users() -> Iterator[Running[Users]]:
    with Running(Users([(MERCHANT_TEXT, CUSTOMER_TEXT)])) as running:
        yield running


@in_loop
async def test_a_customer_exists_for_their_merchant_only(users: Running[Users]) -> None:
    async with users_client(users.address) as client:
        assert await client.exists(MERCHANT, CUSTOMER)
        assert not await client.exists(OTHER_MERCHANT, CUSTOMER)
        assert not await client.exists(MERCHANT, STRANGER)


@in_loop
async def test_a_yes_is_kept_for_its_time(users: Running[Users]) -> None:
    clock = Clock()
    async with users_client(users.address, monotonic_s=clock) as client:
        assert await client.exists(MERCHANT, CUSTOMER)
        clock.now = 59.9
        users.behaviour.lie = Lie.NOBODY
        assert await client.exists(MERCHANT, CUSTOMER)
        assert users.behaviour.calls == 1

        clock.now = 60
        assert not await client.exists(MERCHANT, CUSTOMER)


@in_loop
async def test_a_no_is_not_kept(users: Running[Users]) -> None:
    async with users_client(users.address) as client:
        for _ in range(10):
            assert not await client.exists(MERCHANT, STRANGER)
        assert users.behaviour.calls == 10, "each asked once, and the circuit stays closed"

        users.neighbour.customers.add((MERCHANT_TEXT, "00000000-0000-0000-0000-000000000000"))
        assert await client.exists(MERCHANT, STRANGER)


@in_loop
async def test_without_a_cache_it_is_asked_every_time(users: Running[Users]) -> None:
    async with users_client(users.address, cache_s=0) as client:
        assert await client.exists(MERCHANT, CUSTOMER)
        assert await client.exists(MERCHANT, CUSTOMER)

    assert users.behaviour.calls == 2


@in_loop
async def test_a_service_that_is_away_is_no_answer(users: Running[Users]) -> None:
    async with users_client(users.address) as client:
        assert await client.exists(MERCHANT, CUSTOMER)
        users.stop()

        assert await client.exists(MERCHANT, CUSTOMER), "a yes is kept"
        with pytest.raises(Unavailable, match=r"^users: UNAVAILABLE$"):
            await client.exists(MERCHANT, STRANGER)


@pytest.mark.parametrize("lie", [Lie.OTHER_CUSTOMER, Lie.NONSENSE, Lie.EVERYBODY])
@in_loop
async def test_what_the_answer_says_does_not_matter(users: Running[Users], lie: Lie) -> None:
    users.behaviour.lie = lie
    async with users_client(users.address) as client:
        assert await client.exists(MERCHANT, CUSTOMER)


@in_loop
async def test_the_address_is_nowhere(
    users: Running[Users], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    address = f"{CUSTOMER_TEXT}@customers.example"
    users.behaviour.details = f"no mailbox {address}"
    async with users_client(users.address) as client:
        with capture_logs() as lines:
            assert await client.exists(MERCHANT, CUSTOMER)
            kept = repr(vars(client)) + repr(list(client._known.items()))
            users.behaviour.status = grpc.StatusCode.UNKNOWN
            with pytest.raises(Unavailable) as error:
                await client.exists(MERCHANT, STRANGER)

    assert address not in kept
    assert "customers.example" not in str(lines) + caplog.text
    assert "customers.example" not in "".join(traceback.format_exception(error.value))
