"""Against a real agent of Consul, whose program is at CONSUL_BINARY; see docs/development.md."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.devstack.ports import Ports
from deploy.devstack.process import Command, Process
from gamification.adapters.consul.agent import Agent, Instance
from gamification.adapters.consul.registration import Registration
from gamification.api.http.health import HealthServer, application
from gamification.api.http.vitals import Vitals
from gamification.settings import load
from gamification.telemetry import metrics
from tests.services import in_loop
from tests.waiting import eventually, soon

pytestmark = [pytest.mark.slow, pytest.mark.consul, pytest.mark.timeout(300)]

VARIABLE = "CONSUL_BINARY"
NAME = "gamification-test"
OFTEN_S = 0.5


class RealAgent(Process):
    """In development mode: it keeps nothing, and forgets when it is started again."""

    def __init__(self, folder: Path) -> None:
        binary = os.environ.get(VARIABLE, "")
        if not Path(binary).is_file():
            pytest.fail(f"set {VARIABLE} to the program of Consul: docs/development.md says how")
        self._ports = Ports()
        http, serf, server = (self._ports.take() for _ in range(3))
        self.address = f"127.0.0.1:{http}"
        off = ("-dns-port=-1", "-grpc-port=-1", "-grpc-tls-port=-1", "-serf-wan-port=-1")
        ports = (f"-http-port={http}", f"-serf-lan-port={serf}", f"-server-port={server}")
        argv = (binary, "agent", "-dev", "-bind=127.0.0.1", "-client=127.0.0.1", *off, *ports)
        log = folder / "consul.log"
        super().__init__("consul", Command(argv=argv, cwd=folder, log=log), self._has_leader)

    def get(self, path: str) -> Any:
        return httpx.get(f"http://{self.address}{path}", timeout=5).json()

    def healthy(self) -> list[tuple[str, int]]:
        """Address and port of every instance that others are sent to."""
        found = self.get(f"/v1/health/service/{NAME}?passing=1")
        return [(one["Service"]["Address"], one["Service"]["Port"]) for one in found]

    def listed(self) -> list[str]:
        return list(self.get("/v1/agent/services"))

    def close(self) -> None:
        self.stop()
        self._ports.release()

    def _has_leader(self) -> bool:
        try:
            return bool(self.get("/v1/status/leader"))
        except (httpx.HTTPError, ValueError):
            return False


@pytest.fixture
def consul(tmp_path: Path) -> Iterator[RealAgent]:
    with closing(RealAgent(tmp_path)) as agent:
        agent.start()
        yield agent


@pytest.fixture
def vitals() -> Vitals:
    return Vitals(heartbeat_limit_s=60)


@pytest.fixture
def health(vitals: Vitals) -> Iterator[str]:
    """The URL of a /health as our processes have it."""
    app = application(vitals, metrics.registry("service", load({})))
    server = HealthServer(app, "127.0.0.1", 0)
    server.start()
    yield f"http://127.0.0.1:{server.port}/health"
    server.stop()


def instance(check_url: str, number: int = 1) -> Instance:
    return Instance(f"{NAME}-{number}", NAME, 50054, check_url, "127.0.0.1")


def registration(consul: RealAgent, check_url: str, number: int = 1) -> Registration:
    us = instance(check_url, number)
    return Registration(Agent(consul.address), us, look_every_s=OFTEN_S, try_every_s=OFTEN_S)


@in_loop
async def test_others_find_us_while_we_live_and_no_longer(
    consul: RealAgent, health: str, vitals: Vitals
) -> None:
    one = registration(consul, health)
    one.start()
    await soon(lambda: consul.healthy() == [("127.0.0.1", 50054)], within_s=30, every_s=0.2)
    # The check is a real one: a process whose loop hangs gets nobody sent to it.
    vitals.heartbeat_limit_s = 0
    vitals.beat("grpc")
    await soon(lambda: consul.healthy() == [], within_s=30, every_s=0.2)
    assert consul.listed() == [f"{NAME}-1"]

    await one.stop()

    assert consul.listed() == []


@in_loop
async def test_an_agent_that_was_started_afresh_is_told_again(
    consul: RealAgent, health: str
) -> None:
    one = registration(consul, health)
    one.start()
    await soon(lambda: consul.listed() == [f"{NAME}-1"], within_s=30, every_s=0.2)
    await asyncio.to_thread(consul.kill)
    await asyncio.to_thread(consul.start)
    await soon(lambda: consul.listed() == [f"{NAME}-1"], within_s=30, every_s=0.2)
    await one.stop()
    assert consul.listed() == []


@in_loop
async def test_two_instances_are_two_entries(consul: RealAgent, health: str) -> None:
    both = [registration(consul, health, number) for number in (1, 2)]
    for one in both:
        one.start()
    await soon(lambda: len(consul.listed()) == 2, within_s=30, every_s=0.2)
    await both[0].stop()
    assert consul.listed() == [f"{NAME}-2"]
    await both[1].stop()


@in_loop
async def test_to_leave_twice_and_to_come_twice_is_harmless(consul: RealAgent, health: str) -> None:
    us = instance(health)
    async with Agent(consul.address) as agent:
        assert not await agent.knows(us)
        for _ in range(2):
            await agent.register(us)
            assert await agent.knows(us)
        for _ in range(2):
            await agent.deregister(us)
            assert not await agent.knows(us)


def test_whoever_died_without_a_word_is_taken_off_by_its_check(consul: RealAgent) -> None:
    """Nobody answers at that URL. Consul takes its minute, and half a minute to look."""

    async def register() -> None:
        async with Agent(consul.address) as agent:
            await agent.register(instance("http://127.0.0.1:1/health"))

    asyncio.run(register())
    assert consul.listed() == [f"{NAME}-1"]
    assert consul.healthy() == []
    eventually(lambda: consul.listed() == [], within_s=150, every_s=1)
