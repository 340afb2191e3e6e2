"""One trace from whoever began it to what Kafka announces, told over OTLP by whole processes."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import pytest

from bench.workload import WriterSchemas
from bench.workload.publish import producer
from deploy.devstack.ports import Ports
from deploy.devstack.server import Addresses
from deploy.devstack.stack import Stack
from deploy.launch import Application, Worker
from deploy.neighbours.auth import Auth
from deploy.neighbours.running import Running
from deploy.neighbours.tokens import mint
from deploy.neighbours.users import Users
from gamification.domain.activity import Kind
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from tests.oracle.topic_records import TopicReader, TopicRecord
from tests.otlp_receiver import OtlpReceiver, ToldSpan
from tests.records import datum
from tests.services_world import AWARD, SHOP, Caller, new_customer, prepare, refusal
from tests.waiting import eventually

pytestmark = pytest.mark.faults

FOLLOWED_S = 60
SEEN = ("badge.awarded", "badge.task")


def a_trace(*, sampled: bool = True) -> tuple[str, str, str]:
    """Trace id, span id and traceparent of somebody who begins a trace."""
    trace, span = os.urandom(16).hex(), os.urandom(8).hex()
    return trace, span, f"00-{trace}-{span}-0{int(sampled)}"


@dataclass
class World:
    addresses: Addresses
    receiver: OtlpReceiver
    caller: Caller
    topics: TopicReader
    workers: tuple[Worker, ...]

    def publish(self, kind: Kind, trace: str, value: bytes) -> None:
        sender = producer(self.addresses.kafka_bootstrap)
        sender.produce(str(kind), value, key="k", headers={"traceparent": trace.encode()})
        assert sender.flush(30) == 0

    def announced(self, topic: str, customer: str) -> TopicRecord:
        """The first record of this topic about this customer."""

        def found() -> list[TopicRecord]:
            self.topics.catch_up()
            return [r for r in self.topics.records if (r.topic, r.key) == wanted]

        wanted = topic, customer.encode()
        eventually(lambda: bool(found()), within_s=FOLLOWED_S)
        return found()[0]

    def spans(self, trace: str, *names: str) -> list[ToldSpan]:
        """These spans of the trace, by `process: name`, when all have been told."""
        eventually(lambda: set(names) <= set(self.receiver.of_trace(trace)), within_s=FOLLOWED_S)
        told = self.receiver.of_trace(trace)
        return [told[name] for name in names]


@pytest.fixture(scope="module")
def world(own_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    for server in own_stack.servers:
        server.start()
    addresses = own_stack.addresses
    ports = Ports()
    with (
        OtlpReceiver() as receiver,
        Running(Auth()) as auth,
        Running(Users(knows_everybody=True)) as users,
    ):
        settings = {
            "GAMIFICATION_GRPC_PORT": str(ports.take()),
            "GAMIFICATION_LOG_FORMAT": "json",
            "AUTH_HOST": auth.address,
            "USERS_HOST": users.address,
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        logs = tmp_path_factory.mktemp("traces")
        with Application(addresses, logs, settings) as application:
            application.prepare()
            prepare(addresses.postgres_dsn)
            workers = application.start("award", "relay", "service")
            caller = Caller(f"127.0.0.1:{settings['GAMIFICATION_GRPC_PORT']}")
            topics = TopicReader(addresses.kafka_bootstrap, SEEN)
            yield World(addresses, receiver, caller, topics, workers)
            caller.channel.close()
    ports.release()


def an_event(world: World, customer: str, **changes: object) -> bytes:
    schemas = WriterSchemas.from_registry(world.addresses.registry_url)
    ids = {"customer_id": customer, "merchant_id": SHOP, "event_id": str(uuid.uuid4())}
    return schemas.encode(Kind.POINTS_EARNED, datum(Kind.POINTS_EARNED, **ids, **changes))


def test_from_a_producer_s_event_to_the_badge_on_kafka(world: World) -> None:
    anna = new_customer()
    trace, theirs, traceparent = a_trace()
    world.publish(Kind.POINTS_EARNED, traceparent, an_event(world, anna, occurred_at=None))
    record = world.announced("badge.awarded", anna)
    process, publish = world.spans(
        trace, "award: process points.earned", "relay: publish badge.awarded"
    )
    assert process.parent_id == theirs
    assert publish.parent_id == process.span_id
    assert record.header("traceparent") == f"00-{trace}-{process.span_id}-01"
    assert process.attributes["gamification.outcome"] == "counted"
    whole = [s for s in world.receiver.spans if s.name == "award batch" and trace in s.links]
    assert len(whole) == 1
    assert whole[0].trace_id != trace


def test_from_a_call_to_the_task_on_kafka(world: World) -> None:
    anna = new_customer()
    trace, theirs, traceparent = a_trace()
    answer = world.caller.award(anna, token=mint(SHOP, AWARD), traceparent=traceparent)
    assert answer.status == pb.AWARD_STATUS_AWARDED
    record = world.announced("badge.task", anna)
    call, auth, users, publish = world.spans(
        trace,
        "service: gamification.v1.GamificationService/AwardBadge",
        "service: call auth",
        "service: call users",
        "relay: publish badge.task",
    )
    assert call.parent_id == theirs
    assert {auth.parent_id, users.parent_id, publish.parent_id} == {call.span_id}
    assert record.header("traceparent") == f"00-{trace}-{call.span_id}-01"
    assert any(s.name == "award_badge batch" and trace in s.links for s in world.receiver.spans)


def test_a_refused_call_is_told_as_failed_and_found_in_the_log(world: World) -> None:
    trace, _, traceparent = a_trace()
    ended = refusal(
        lambda: world.caller.award(
            new_customer(), token=mint(SHOP, AWARD, life_s=-60), traceparent=traceparent
        )
    )
    assert ended.code() is grpc.StatusCode.UNAUTHENTICATED
    [call] = world.spans(trace, "service: gamification.v1.GamificationService/AwardBadge")
    assert call.failed
    [*_, service] = world.workers
    lines = [line for line in service.log_text().splitlines() if trace in line]
    assert any("authentication_failed" in line for line in lines)


def test_what_its_beginning_does_not_record_is_not_recorded_here_and_yet_passed_on(
    world: World,
) -> None:
    anna = new_customer()
    trace, _, traceparent = a_trace(sampled=False)
    world.publish(Kind.POINTS_EARNED, traceparent, an_event(world, anna, occurred_at=None))
    assert world.announced("badge.awarded", anna).header("traceparent") == traceparent
    # Spans are told in their order: when a later one is here, an earlier one would be, too.
    later, _, sampled = a_trace()
    world.publish(Kind.POINTS_EARNED, sampled, an_event(world, new_customer(), occurred_at=None))
    world.spans(later, "award: process points.earned")
    assert not world.receiver.of_trace(trace)


def test_a_bad_event_is_a_failed_span_that_says_why(world: World) -> None:
    trace, _, traceparent = a_trace()
    world.publish(Kind.POINTS_EARNED, traceparent, b"garbage")
    [process] = world.spans(trace, "award: process points.earned")
    assert process.failed
    assert process.attributes["gamification.outcome"] == "dead_lettered"


def test_a_receiver_that_is_gone_holds_nobody_up(world: World) -> None:
    """Last: it stops the processes."""
    world.receiver.__exit__(None, None, None)
    anna = new_customer()
    world.publish(Kind.POINTS_EARNED, a_trace()[2], an_event(world, anna, occurred_at=None))
    world.announced("badge.awarded", anna)
    for worker in world.workers:
        worker.ask_to_stop()
    for worker in world.workers:
        assert worker.stop(within_s=10), f"{worker.name} did not stop in time"
        assert worker.exit_code == 0
