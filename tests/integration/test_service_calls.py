"""How another service is called, over the wire: in time, and not more often than does good."""

import asyncio
import time
import traceback
from collections.abc import Iterator

import grpc
import pytest
from prometheus_client import CollectorRegistry

from deploy.neighbours import Lie, Running, Users
from gamification.adapters.services.call import Bounds
from gamification.adapters.services.circuit import CircuitBreaker
from gamification.adapters.services.users import UsersClient
from gamification.domain.errors import Unavailable
from gamification.domain.ids import CustomerId
from gamification.telemetry import metrics
from tests.services import CUSTOMER, MERCHANT, Clock, in_loop, users_client
from tests.waiting import soon

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

HASTY = Bounds(deadline_ms=3000, try_share_percent=30)
"""A try has 900 ms, and three fit."""
PATIENT = Bounds(deadline_ms=20_000)


@pytest.fixture
def users() -> Iterator[Running[Users]]:
    with Running(Users(knows_everybody=True)) as running:
        yield running


def never() -> CircuitBreaker:
    """A circuit that does not open, for tests of what comes before."""
    return CircuitBreaker(failures_max=1_000_000)


async def refused(client: UsersClient, customer: CustomerId = CUSTOMER) -> str:
    with pytest.raises(Unavailable) as error:
        await client.exists(MERCHANT, customer)
    return str(error.value)


def another(number: int) -> CustomerId:
    return CustomerId(number.to_bytes(16, "big"))


def shown(name: str, **labels: str) -> float:
    """The value of one of our metrics."""
    registry = CollectorRegistry()
    for metric in (metrics.ERRORS, metrics.CIRCUIT_STATE):
        registry.register(metric)
    return registry.get_sample_value(name, labels) or 0.0


@in_loop
async def test_a_service_that_is_away_for_a_moment_is_asked_again(users: Running[Users]) -> None:
    users.behaviour.status = grpc.StatusCode.UNAVAILABLE
    second = Bounds(20_000, first_pause_ms=1000)
    async with users_client(users.address, second, jitter=lambda: 1.0) as client:
        asking = asyncio.create_task(client.exists(MERCHANT, CUSTOMER))
        await soon(lambda: users.behaviour.calls == 1)
        users.behaviour.be_well()

        assert await asking
        assert users.behaviour.calls == 2


@in_loop
async def test_it_is_asked_three_times_and_no_more(users: Running[Users]) -> None:
    users.behaviour.status = grpc.StatusCode.UNAVAILABLE
    before = shown("gamification_errors_total", error_type="Unavailable")
    async with users_client(users.address, PATIENT, circuit=never()) as client:
        assert await refused(client) == "users: UNAVAILABLE"

    assert users.behaviour.calls == 3
    assert shown("gamification_errors_total", error_type="Unavailable") == before + 3


@pytest.mark.parametrize("status", [grpc.StatusCode.INTERNAL, grpc.StatusCode.PERMISSION_DENIED])
@in_loop
async def test_what_another_try_would_not_mend_is_asked_once(
    users: Running[Users], status: grpc.StatusCode
) -> None:
    users.behaviour.status = status
    async with users_client(users.address, PATIENT, circuit=never()) as client:
        assert await refused(client) == f"users: {status.name}"

    assert users.behaviour.calls == 1


@in_loop
async def test_a_slow_service_costs_no_more_than_the_deadline(users: Running[Users]) -> None:
    users.behaviour.delay_s = 60
    async with users_client(users.address, HASTY, circuit=never()) as client:
        begun = time.monotonic()
        assert await refused(client) == "users: DEADLINE_EXCEEDED"

    assert time.monotonic() - begun < 10, "a minute is the service's own time"
    assert users.behaviour.calls >= 2, "a slow try leaves time for another one"


@in_loop
async def test_the_pauses_between_tries_count_too(users: Running[Users]) -> None:
    users.behaviour.status = grpc.StatusCode.UNAVAILABLE
    hour = Bounds(deadline_ms=20_000, first_pause_ms=3_600_000)
    async with users_client(users.address, hour, circuit=never(), jitter=lambda: 0.5) as client:
        begun = time.monotonic()
        await refused(client)

    assert time.monotonic() - begun < 15, "a pause that would end too late is not begun"


@in_loop
async def test_after_so_many_failures_it_is_not_asked_any_more(users: Running[Users]) -> None:
    users.behaviour.status = grpc.StatusCode.INTERNAL
    async with users_client(users.address, PATIENT, circuit=None) as client:
        for _ in range(5):
            await refused(client)
        assert shown("gamification_circuit_state", service="users") == 2

        assert await refused(client) == "users: not asked, its last calls failed"

    assert users.behaviour.calls == 5


@in_loop
async def test_after_the_pause_one_call_tries_and_the_circuit_closes(users: Running[Users]) -> None:
    users.behaviour.status = grpc.StatusCode.INTERNAL
    clock = Clock()
    circuit = CircuitBreaker(failures_max=2, pause_s=2, clock=clock)
    async with users_client(users.address, PATIENT, circuit=circuit) as client:
        for _ in range(2):
            await refused(client)
        users.behaviour.be_well()
        users.behaviour.delay_s = 0.3
        clock.now = 2

        ended = await asyncio.gather(
            *(client.exists(MERCHANT, another(n)) for n in range(5)), return_exceptions=True
        )

        assert [each is True for each in ended] == [True, False, False, False, False]
        assert users.behaviour.calls == 3
        assert await client.exists(MERCHANT, another(9))


@in_loop
async def test_a_probe_whose_caller_went_away_does_not_keep_it_shut(users: Running[Users]) -> None:
    users.behaviour.status = grpc.StatusCode.INTERNAL
    clock = Clock()
    circuit = CircuitBreaker(failures_max=1, pause_s=2, clock=clock)
    async with users_client(users.address, PATIENT, circuit=circuit) as client:
        await refused(client)
        users.behaviour.be_well()
        users.behaviour.delay_s = 60
        clock.now = 2
        # Not by `exists`: its calls go on for those who come later.
        probe = asyncio.create_task(client._ask((MERCHANT, CUSTOMER), None))
        await soon(lambda: users.behaviour.calls == 2)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        users.behaviour.be_well()

        assert await client.exists(MERCHANT, CUSTOMER)


@in_loop
async def test_no_more_than_so_many_calls_are_under_way(users: Running[Users]) -> None:
    users.behaviour.delay_s = 60
    few = Bounds(deadline_ms=1000, tries_max=1, try_share_percent=100, at_once_max=2, waiting_max=3)
    async with users_client(users.address, few, circuit=never()) as client:
        ended = await asyncio.gather(
            *(client.exists(MERCHANT, another(n)) for n in range(7)), return_exceptions=True
        )

    said = sorted(str(each) for each in ended)
    assert said.count("users: too many calls wait") == 2, said
    assert users.behaviour.calls <= 4
    assert said.count("users: DEADLINE_EXCEEDED") >= 2, said


@in_loop
async def test_waiting_for_a_turn_that_does_not_come_ends_at_the_deadline(
    users: Running[Users],
) -> None:
    users.behaviour.delay_s = 60
    one = Bounds(deadline_ms=500, tries_max=1, try_share_percent=400, at_once_max=1)
    async with users_client(users.address, one, circuit=never()) as client:
        service = client._service
        async with service._turn(time.monotonic() + 60):
            assert await refused(client) == "users: too many calls at once"

    assert users.behaviour.calls == 0


@in_loop
async def test_a_service_that_was_killed_is_found_again_at_once(users: Running[Users]) -> None:
    clock = Clock()
    circuit = CircuitBreaker(failures_max=2, pause_s=2, clock=clock)
    async with users_client(users.address, PATIENT, circuit=circuit) as client:
        assert await client.exists(MERCHANT, another(1))
        users.stop()
        assert await refused(client, another(2)) in {
            "users: UNAVAILABLE",
            "users: not asked, its last calls failed",
        }
        assert "not asked" in await refused(client, another(2))
        users.start()

        async def found() -> None:
            while True:
                clock.now += 2
                try:
                    assert await client.exists(MERCHANT, another(3))
                except Unavailable:
                    await asyncio.sleep(0.05)
                else:
                    return

        begun = time.monotonic()
        await asyncio.wait_for(found(), 30)
        assert time.monotonic() - begun < 15


@in_loop
async def test_nobody_there_from_the_start(users: Running[Users]) -> None:
    users.stop()
    async with users_client(users.address, PATIENT) as client:
        assert await refused(client) == "users: UNAVAILABLE"


@in_loop
async def test_an_answer_that_is_no_message_is_the_service_s_fault(users: Running[Users]) -> None:
    users.behaviour.lie = Lie.GARBAGE
    async with users_client(users.address, PATIENT) as client:
        assert await refused(client) == "users: INTERNAL"


@in_loop
async def test_the_trace_is_passed_on_and_what_is_none_is_not(users: Running[Users]) -> None:
    async with users_client(users.address) as client:
        for number, traceparent in enumerate((TRACEPARENT, None, "nonsense\n", "\ud800")):
            await client.exists(MERCHANT, another(number), traceparent)

    assert list(users.behaviour.traceparents) == [TRACEPARENT, None, None, None]


@in_loop
async def test_what_the_service_says_in_its_errors_ends_here(
    users: Running[Users], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    users.behaviour.status = grpc.StatusCode.INTERNAL
    users.behaviour.details = "cannot read somebody@customers.example"
    async with users_client(users.address) as client:
        with pytest.raises(Unavailable) as error:
            await client.exists(MERCHANT, CUSTOMER)

    assert "example" not in "".join(traceback.format_exception(error.value))
    assert error.value.__context__ is None
    assert "example" not in caplog.text


@in_loop
async def test_calls_after_the_channel_was_closed_are_unavailable(users: Running[Users]) -> None:
    async with users_client(users.address) as client:
        assert await client.exists(MERCHANT, CUSTOMER)

    assert await refused(client, another(1)) == "users: UNAVAILABLE"
