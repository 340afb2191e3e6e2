"""Our entry on the agent's list: it is there while we run, and nobody waits for an agent."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import structlog

from gamification.adapters.consul.agent import ANSWER_WITHIN_S, Agent, Instance
from gamification.adapters.consul.registration import Registration
from gamification.domain.errors import Unavailable
from gamification.telemetry import metrics
from tests.consul_agent import DEREGISTER, ConsulAgent, consul_agent
from tests.services import in_loop
from tests.waiting import soon

TOKEN = "no-such-token-anywhere"  # noqa: S105 - a test's
US = Instance("gamification-1", "gamification", 50054, "http://127.0.0.1:8080/health", "10.0.0.7")
OFTEN_S = 0.05
"""Instead of some seconds between two looks."""


@pytest.fixture
def agent() -> Iterator[ConsulAgent]:
    with consul_agent() as one:
        yield one


def registration(agent: ConsulAgent) -> Registration:
    client = Agent(agent.address, TOKEN)
    return Registration(client, US, look_every_s=OFTEN_S, try_every_s=OFTEN_S)


@asynccontextmanager
async def registering(agent: ConsulAgent) -> AsyncIterator[None]:
    """Started, and stopped afterwards."""
    one = registration(agent)
    one.start()
    try:
        yield
    finally:
        await one.stop()


def is_registered() -> bool:
    """What the metric says."""
    return bool(metrics.CONSUL_REGISTERED._value.get() == 1)


@in_loop
async def test_the_entry_says_where_we_are_and_how_to_ask_whether_we_live(
    agent: ConsulAgent,
) -> None:
    async with registering(agent):
        await soon(is_registered)
        assert agent.entry() == {
            "ID": "gamification-1",
            "Name": "gamification",
            "Port": 50054,
            "Address": "10.0.0.7",
            "Check": {
                "Name": "health over HTTP",
                "HTTP": "http://127.0.0.1:8080/health",
                "Interval": "10s",
                "Timeout": "3s",
                "DeregisterCriticalServiceAfter": "60s",
            },
        }
        assert agent.tokens == {TOKEN}

    assert agent.entry() is None
    assert not is_registered()
    assert agent.requests[-1] == ("PUT", f"{DEREGISTER}gamification-1")


@in_loop
async def test_an_agent_that_knows_us_is_asked_and_not_told_again(agent: ConsulAgent) -> None:
    async with registering(agent):
        await soon(lambda: len(agent.requests) > 5)

    told = [request for request in agent.requests if request[1].endswith("/register")]
    assert len(told) == 1


@in_loop
async def test_an_agent_that_forgot_us_is_told_again(agent: ConsulAgent) -> None:
    async with registering(agent):
        for _ in range(3):
            await soon(lambda: agent.entry() is not None)
            agent.services.clear()
        await soon(lambda: agent.entry() is not None)


@in_loop
async def test_an_agent_that_is_away_at_first_is_told_when_it_comes(agent: ConsulAgent) -> None:
    agent.stop()
    with structlog.testing.capture_logs() as lines:
        async with registering(agent):
            await soon(lambda: bool(lines))
            await asyncio.sleep(5 * OFTEN_S)  # it tries some more times
            assert not is_registered()
            agent.start()
            await soon(is_registered)
            assert agent.entry() is not None

    assert [line["event"] for line in lines] == [
        *("consul_away", "consul_registered", "consul_deregistered")
    ], "the outage is told once, not with every try"
    assert lines[0]["log_level"] == "warning"
    assert TOKEN not in str(lines)


@in_loop
async def test_an_agent_that_goes_and_comes_back_with_an_empty_list_is_told_again(
    agent: ConsulAgent,
) -> None:
    async with registering(agent):
        await soon(is_registered)
        agent.stop()
        await soon(lambda: not is_registered())
        agent.services.clear()
        agent.start()
        await soon(is_registered)
        assert agent.entry() is not None


@in_loop
async def test_an_agent_that_answers_with_errors_is_tried_again(agent: ConsulAgent) -> None:
    for status in (500, 403, 302):
        agent.status = status
        before = len(agent.requests)
        async with registering(agent):
            await soon(lambda: len(agent.requests) > before + 2)  # noqa: B023
            assert not is_registered()
            agent.status = None
            await soon(is_registered)


@pytest.mark.parametrize("how", ["hangs", "talks_without_end"])
@in_loop
async def test_an_agent_that_does_not_finish_keeps_neither_a_start_nor_a_stop(
    agent: ConsulAgent, how: str
) -> None:
    setattr(agent, how, True)
    one = registration(agent)
    begun = time.monotonic()
    one.start()
    assert time.monotonic() - begun < 0.1
    await soon(lambda: bool(agent.requests))
    begun = time.monotonic()
    await one.stop()
    assert time.monotonic() - begun < 2 * ANSWER_WITHIN_S + 1, "a request in hand, and one more"


@in_loop
async def test_without_an_agent_a_stop_takes_no_time(agent: ConsulAgent) -> None:
    agent.stop()
    one = registration(agent)
    one.start()
    begun = time.monotonic()
    await one.stop()
    assert time.monotonic() - begun < ANSWER_WITHIN_S


@in_loop
async def test_what_the_agent_says_is_unavailable_and_holds_no_token(agent: ConsulAgent) -> None:
    agent.status = 500
    async with Agent(agent.address, TOKEN) as client:
        with pytest.raises(Unavailable) as answered:
            await client.register(US)
        agent.stop()
        with pytest.raises(Unavailable) as away:
            await client.knows(US)

    assert str(answered.value) == "consul: answered 500"
    assert str(away.value) == "consul: ConnectError"
    assert TOKEN not in f"{away.value.__cause__!r}"
