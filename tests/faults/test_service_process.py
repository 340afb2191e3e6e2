"""The service as a process: it is ready, it stops without losing a call, it survives outages."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import psycopg
import pytest

from deploy.devstack.stack import Stack
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from tests.consul_agent import consul_agent
from tests.faults.service_process import World, service_process
from tests.services_world import new_customer, refusal
from tests.waiting import eventually

pytestmark = pytest.mark.faults

STOPS_WITHIN_S = 15


@pytest.fixture
def world(own_stack: Stack, tmp_path: Path) -> Iterator[World]:
    with service_process(own_stack, tmp_path) as one:
        yield one


def test_a_stop_answers_what_is_in_hand_and_ends_well(world: World) -> None:
    answered: list[int] = []
    refused: list[Any] = []
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            try:
                answered.append(world.award(new_customer()).status)
            except grpc.RpcError as error:
                refused.append(error)
                return

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(answered) > 100, within_s=60)
    world.worker.identity.send(signal.SIGTERM)
    eventually(lambda: not world.worker.is_running(), within_s=STOPS_WITHIN_S)
    over.set()
    for thread in threads:
        thread.join(30)
    assert world.worker.exit_code == 0
    assert set(answered) == {pb.AWARD_STATUS_AWARDED}
    # Those who came after the end found nobody. The server ends a call that has arrived but is not
    # begun as CANCELLED; what matters is that what was done was answered.
    assert {error.code() for error in refused} <= {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
    }
    with psycopg.connect(world.dsn) as database:
        row = database.execute("SELECT count(*) FROM customer_badges WHERE badge = 'guest'")
        assert row.fetchone() == (len(answered),)


def test_consul_is_told_where_to_ask_and_when_it_ends(own_stack: Stack, tmp_path: Path) -> None:
    with (
        consul_agent() as agent,
        service_process(own_stack, tmp_path, CONSUL_HTTP_ADDR=agent.address) as world,
    ):
        eventually(lambda: agent.entry() is not None)
        entry = agent.entry()
        assert entry is not None
        assert f"{entry['Address']}:{entry['Port']}" == world.address
        answer = httpx.get(entry["Check"]["HTTP"], timeout=10)
        assert answer.status_code == 200
        assert "grpc" in answer.json()["checks"]
        agent.hangs = True
        world.worker.identity.send(signal.SIGTERM)
        eventually(lambda: not world.worker.is_running(), within_s=STOPS_WITHIN_S)
        assert world.worker.exit_code == 0, "an agent that hangs is not waited for"

        agent.hangs = False
        world.worker.start()
        eventually(lambda: len(agent.services) == 2)  # the first one would fail its checks by now
        world.worker.identity.send(signal.SIGTERM)
        eventually(lambda: not world.worker.is_running(), within_s=STOPS_WITHIN_S)
        assert [*agent.services.values()] == [entry]


def test_postgres_and_redis_may_go_and_come_back(world: World) -> None:
    anna = new_customer()
    assert world.award(anna).status == pb.AWARD_STATUS_AWARDED
    for server in (world.stack.postgres, world.stack.redis):
        server.stop()
        ended = refusal(lambda: world.award(new_customer()))
        assert ended.code() is grpc.StatusCode.UNAVAILABLE
        server.start()
        eventually(world.answers, within_s=60)
    assert world.award(anna).status == pb.AWARD_STATUS_ALREADY_AWARDED
    assert world.worker.is_running()
    assert world.token not in world.worker.log_text()


def test_a_frozen_postgres_keeps_nobody_waiting(world: World) -> None:
    """It takes what is sent to it and says nothing: the hardest way to be away."""
    anna = new_customer()
    assert world.award(anna).status == pb.AWARD_STATUS_AWARDED
    world.stack.postgres.pause()
    try:
        ended = refusal(lambda: world.award(anna, within_s=30.0))
        assert ended.code() is grpc.StatusCode.UNAVAILABLE
    finally:
        world.stack.postgres.resume()
    eventually(world.answers, within_s=60)
