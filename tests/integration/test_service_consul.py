"""The service in Consul: it registers what it answers on, and leaves before it begins to refuse."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.devstack.server import Addresses
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from tests.consul_agent import ConsulAgent, consul_agent
from tests.services_world import World, new_customer, world_of
from tests.waiting import eventually

pytestmark = pytest.mark.servers


@pytest.fixture
def agent() -> Iterator[ConsulAgent]:
    with consul_agent() as one:
        yield one


@pytest.fixture
def world(
    database_dsn: str, servers: Addresses, redis_url: str, agent: ConsulAgent
) -> Iterator[World]:
    assert redis_url  # emptied
    settings = {
        "CONSUL_HTTP_ADDR": agent.address,
        "SERVICE_NAME": "shop",
        "GAMIFICATION_USERS_DEADLINE_MS": "20000",
    }
    with world_of(database_dsn, servers, None, **settings) as made:
        yield made


def test_the_entry_leads_to_the_service(world: World, agent: ConsulAgent) -> None:
    eventually(lambda: agent.entry() is not None)
    entry = agent.entry()
    assert entry is not None
    assert entry["Name"] == "shop"
    assert f"{entry['Address']}:{entry['Port']}" == world.service.address


def test_it_leaves_the_list_first_and_then_answers_what_is_in_hand(
    world: World, agent: ConsulAgent
) -> None:
    eventually(lambda: agent.entry() is not None)
    world.users.behaviour.delay_s = 1.5
    agent.delays_deregistering = True
    with ThreadPoolExecutor(2) as threads:
        in_hand = threads.submit(world.caller.award, new_customer())
        eventually(lambda: world.users.behaviour.calls == 1)
        world.service.ask_to_stop()
        eventually(lambda: agent.is_asked_to_deregister)
        # While the agent is being told, whoever still has our address is answered.
        world.users.behaviour.be_well()
        late = threads.submit(world.caller.award, new_customer())
        assert late.result(30).status == pb.AWARD_STATUS_AWARDED
        assert in_hand.result(30).status == pb.AWARD_STATUS_AWARDED
        agent.delays_deregistering = False
        eventually(lambda: agent.entry() is None)


def test_two_instances_have_two_entries(
    world: World, agent: ConsulAgent, database_dsn: str, servers: Addresses
) -> None:
    eventually(lambda: len(agent.services) == 1)
    with world_of(database_dsn, servers, CONSUL_HTTP_ADDR=agent.address, SERVICE_NAME="shop"):
        eventually(lambda: len(agent.services) == 2)
    assert len(agent.services) == 1
    assert world.caller.award(new_customer()).status == pb.AWARD_STATUS_AWARDED


def test_without_an_agent_everything_else_goes_on(
    database_dsn: str, servers: Addresses, agent: ConsulAgent
) -> None:
    agent.stop()
    with world_of(database_dsn, servers, CONSUL_HTTP_ADDR=agent.address) as world:
        assert world.caller.award(new_customer()).status == pb.AWARD_STATUS_AWARDED


def test_where_consul_is_not_used_nobody_is_told(
    database_dsn: str, servers: Addresses, agent: ConsulAgent
) -> None:
    with world_of(database_dsn, servers) as world:
        assert world.caller.award(new_customer()).status == pb.AWARD_STATUS_AWARDED
    assert agent.requests == []
