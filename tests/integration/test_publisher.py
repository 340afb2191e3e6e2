"""The transactional publisher against real Kafka: all or nothing, and useless after a failure."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from deploy.devstack.server import Addresses
from gamification.adapters.kafka import position
from gamification.adapters.kafka import publisher as module
from gamification.adapters.kafka.position import Found, RelayPosition
from gamification.adapters.kafka.publish_errors import Unproducible
from gamification.adapters.kafka.publisher import Message, TransactionalPublisher
from gamification.domain.errors import Unavailable
from tests import relays
from tests.servers import Topics
from tests.waiting import eventually

pytestmark = pytest.mark.servers

OURS = "00000000-0000-4000-8000-00000000000a"


class World:
    """A topic, and publishers that succeed one another."""

    def __init__(self, servers: Addresses, topics: Topics) -> None:
        self.bootstrap = servers.kafka_bootstrap
        self.lane = relays.lane()
        topics.create(self.lane.position_topic, partitions=1)
        self.topic = topics.fresh("facts")
        self.made: list[TransactionalPublisher] = []

    def publisher(self) -> TransactionalPublisher:
        lane = self.lane
        made = TransactionalPublisher(
            self.bootstrap, lane.transactional_id, lane.position_topic, lane.shard
        )
        self.made.append(made)
        return made

    def messages(self, *numbers: int, size: int = 0) -> list[Message]:
        return [Message(self.topic, b"%0*d" % (size, n), b"k%d" % n, []) for n in numbers]

    def seen(self) -> list[int]:
        return sorted(relays.numbers(relays.read_committed(self.bootstrap, self.topic)))


@pytest.fixture
def world(servers: Addresses, kafka_topics: Topics) -> Iterator[World]:
    made = World(servers, kafka_topics)
    eventually(lambda: answers(made.publisher()))
    yield made
    for publisher in made.made:
        publisher.close()


def answers(publisher: TransactionalPublisher) -> bool:
    """A broker that has just started knows no coordinators yet."""
    try:
        return publisher.position().position is None
    except Unavailable:
        return False


def test_records_and_position_are_there_together(world: World) -> None:
    publisher = world.publisher()
    assert publisher.position() == Found(None, None)
    publisher.publish(world.messages(1, 2, 3), RelayPosition(3, OURS))
    publisher.publish((), RelayPosition(3, OURS))
    publisher.publish(world.messages(4), RelayPosition(4, OURS))
    assert world.publisher().position() == Found(RelayPosition(4, OURS), None)
    assert world.seen() == [1, 2, 3, 4]


def test_a_successor_makes_its_predecessor_useless_and_undoes_what_it_left_open(
    world: World,
) -> None:
    old = world.publisher()
    old.publish(world.messages(1), RelayPosition(1, OURS))
    producer = old._open()
    producer.begin_transaction()
    producer.produce(world.topic, b"99", b"k")
    producer.flush(10)

    new = world.publisher()
    assert new.position() == Found(RelayPosition(1, OURS), None)
    new.publish(world.messages(2), RelayPosition(2, OURS))
    assert world.seen() == [1, 2]


def test_a_fenced_publisher_publishes_nothing_and_stays_useless(world: World) -> None:
    old = world.publisher()
    world.publisher()
    with pytest.raises(Unavailable, match="another relay has taken over"):
        old.publish(world.messages(1), RelayPosition(1, OURS))
    with pytest.raises(Unavailable, match="was closed"):
        old.publish(world.messages(1), RelayPosition(1, OURS))
    with pytest.raises(Unavailable, match="was closed"):
        old.position()
    old.close()
    assert world.seen() == []


def test_a_full_local_queue_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.PRODUCER, "queue.buffering.max.messages", 7)
    world.publisher().publish(world.messages(*range(100)), RelayPosition(100, OURS))
    assert world.seen() == list(range(100))


def test_a_queue_that_stays_full_is_not_waited_for_without_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(module.PRODUCER, "queue.buffering.max.messages", 7)
    monkeypatch.setitem(module.PRODUCER, "linger.ms", 3_000)
    monkeypatch.setattr(module, "PUBLISH_WITHIN_S", 1.0)
    with pytest.raises(Unavailable, match="_QUEUE_FULL"):
        world.publisher().publish(world.messages(*range(100)), RelayPosition(100, OURS))
    assert world.seen() == []


def test_what_the_library_itself_finds_too_large_undoes_the_whole_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(module.PRODUCER, "message.max.bytes", 2_000)
    publisher = world.publisher()
    with pytest.raises(Unproducible, match="MSG_SIZE_TOO_LARGE"):
        publisher.publish(
            [*world.messages(1), *world.messages(2, size=3_000)], RelayPosition(2, OURS)
        )
    with closing(world.publisher()) as next_one:
        assert next_one.position() == Found(None, None)
    assert world.seen() == []


def test_the_position_is_found_behind_any_number_of_transactions_that_came_to_nothing(
    world: World,
) -> None:
    world.publisher().publish(world.messages(1), RelayPosition(1, OURS))
    unlucky = world.publisher()
    producer = unlucky._open()
    for _ in range(position.TAIL * position.FURTHER_BACK):
        producer.begin_transaction()
        producer.produce(world.lane.position_topic, b"undone", position.KEY, partition=0)
        producer.flush(10)
        producer.abort_transaction(10)
    assert world.publisher().position() == Found(RelayPosition(1, OURS), None)
    found = position.read(world.bootstrap, world.lane.position_topic, 0)
    assert found == Found(RelayPosition(1, OURS), None)


def test_an_undecided_transaction_does_not_move_the_position(world: World) -> None:
    publisher = world.publisher()
    publisher.publish(world.messages(1), RelayPosition(1, OURS))
    producer = publisher._open()
    producer.begin_transaction()
    producer.produce(
        world.lane.position_topic, RelayPosition(2, OURS).worded(), position.KEY, partition=0
    )
    producer.flush(10)
    one, two = RelayPosition(1, OURS), RelayPosition(2, OURS)
    assert position.read(world.bootstrap, world.lane.position_topic, 0) == Found(one, two)
    producer.commit_transaction(10)
    assert position.read(world.bootstrap, world.lane.position_topic, 0) == Found(two, None)
