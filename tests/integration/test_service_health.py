"""What the service tells of itself over gRPC: its health, also while it stops, and its methods."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from deploy.devstack.server import Addresses
from gamification.api.grpc.health import WATCHERS_MAX
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from tests.http2 import Peer, grpc_call
from tests.services_world import ANSWER_WITHIN_S, World, new_customer, refusal, world_of
from tests.waiting import eventually

pytestmark = pytest.mark.servers

SERVICE = "gamification.v1.GamificationService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def world(database_dsn: str, servers: Addresses, redis_url: str) -> Iterator[World]:
    assert redis_url  # emptied
    with world_of(database_dsn, servers, GAMIFICATION_USERS_DEADLINE_MS="20000") as made:
        yield made


def check(world: World, name: str) -> int:
    stub: Any = health_pb2_grpc.HealthStub(world.caller.channel)
    request = health_pb2.HealthCheckRequest(service=name)
    status: int = stub.Check(request, timeout=ANSWER_WITHIN_S).status
    return status


def watch(world: World, name: str = "") -> Any:
    """The statuses as they come."""
    stub: Any = health_pb2_grpc.HealthStub(world.caller.channel)
    return stub.Watch(health_pb2.HealthCheckRequest(service=name), timeout=ANSWER_WITHIN_S)


def test_all_together_and_ours_by_name_are_serving(world: World) -> None:
    assert check(world, "") == SERVING
    assert check(world, SERVICE) == SERVING
    assert refusal(lambda: check(world, "another")).code() is grpc.StatusCode.NOT_FOUND
    unknown = next(watch(world, "another")).status
    assert unknown == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


def test_while_it_stops_it_is_not_serving_and_answers_what_is_in_hand(world: World) -> None:
    world.users.behaviour.delay_s = 1.5
    watching = [watch(world), watch(world, SERVICE)]
    assert [next(each).status for each in watching] == [SERVING, SERVING]
    with ThreadPoolExecutor(1) as threads:
        in_hand = threads.submit(world.caller.award, new_customer())
        eventually(lambda: world.users.behaviour.calls == 1)
        world.service.ask_to_stop()
        assert [next(each).status for each in watching] == [NOT_SERVING, NOT_SERVING]
        # And these calls end: a stop does not wait for those who watch.
        assert [list(each) for each in watching] == [[], []]
        assert in_hand.result(30).status == pb.AWARD_STATUS_AWARDED


def test_one_who_watches_and_does_not_listen_holds_up_nobody(world: World) -> None:
    """It opens no window for the answer, so that what is written to it is never through."""
    deaf = grpc_call("/grpc.health.v1.Health/Watch", b"")
    with Peer(world.service.address, window_bytes=0) as peer:
        peer.send(deaf)
        peer.read_until(lambda received: b"application/grpc" in received)
        watching = watch(world)
        assert next(watching).status == SERVING
        world.service.ask_to_stop()
        assert next(watching).status == NOT_SERVING


def test_only_so_many_may_watch(world: World) -> None:
    watching = [watch(world) for _ in range(WATCHERS_MAX)]
    assert {next(each).status for each in watching} == {SERVING}
    assert refusal(lambda: next(watch(world))).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    for each in watching:
        each.cancel()

    def there_is_room_again() -> bool:
        try:
            return bool(next(watch(world)).status == SERVING)
        except grpc.RpcError:
            return False

    eventually(there_is_room_again)


def test_a_reflection_client_finds_our_methods_and_their_messages(world: World) -> None:
    database = ProtoReflectionDescriptorDatabase(world.caller.channel)
    services = set(database.get_services())
    assert {SERVICE, "grpc.health.v1.Health"} <= services
    found: Any = DescriptorPool(database).FindServiceByName(SERVICE)
    assert set(found.methods_by_name) == {"AwardBadge", "PurgeAuditLogs"}
    award = found.methods_by_name["AwardBadge"].input_type
    assert set(award.fields_by_name) == {"merchant_id", "customer_id", "badge", "locale"}
