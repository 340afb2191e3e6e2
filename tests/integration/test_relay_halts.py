"""Kafka and Postgres contradict each other: the relay stops, and says what it found."""

import pytest
from confluent_kafka import OFFSET_END

from deploy.devstack.server import Addresses
from gamification.adapters.kafka.position import RelayPosition
from gamification.adapters.kafka.publisher import TransactionalPublisher
from gamification.domain.errors import Halt
from tests import relays
from tests.servers import Topics

pytestmark = pytest.mark.servers

OTHER_DATABASE = "00000000-0000-4000-8000-000000000001"


class World:
    """One database whose first five rows were published by a relay that has ended."""

    def __init__(self, dsn: str, servers: Addresses, topics: Topics) -> None:
        self.dsn = dsn
        self.bootstrap = servers.kafka_bootstrap
        self.topics = topics
        self.lane = relays.lane()
        topics.create(self.lane.position_topic, partitions=1)
        self.topic = topics.fresh("facts")
        relays.do(dsn, relays.RENAME, self.topic, relays.FACTS)
        relays.append_numbers(dsn, range(1, 6))
        self.publish_all(5)

    def publish_all(self, last: int) -> None:
        with relays.relay_of(self.dsn, self.bootstrap, self.lane) as relay:
            relays.turn_until(relay, self.dsn, last)

    def why_it_halts(self) -> str:
        with (
            relays.relay_of(self.dsn, self.bootstrap, self.lane) as relay,
            pytest.raises(Halt) as caught,
        ):
            relay.turn()
        assert relays.numbers(relays.read_committed(self.bootstrap, self.topic)).count(1) == 1
        assert "python -m cli.relay resume --lane all --after" in str(caught.value)
        return str(caught.value)


@pytest.fixture
def world(servers: Addresses, database_dsn: str, kafka_topics: Topics) -> World:
    return World(database_dsn, servers, kafka_topics)


def test_the_topic_of_the_position_was_emptied(world: World) -> None:
    relays.delete_records(world.bootstrap, world.lane.position_topic, OFFSET_END)
    assert "Kafka has lost the relay's position" in world.why_it_halts()


def test_the_topic_of_the_position_was_deleted_and_made_anew(world: World) -> None:
    relays.delete_topic(world.bootstrap, world.lane.position_topic)
    world.topics.create(world.lane.position_topic, partitions=1)
    assert "rows up to 5 were published" in world.why_it_halts()


def test_the_position_is_that_of_another_database(world: World) -> None:
    publisher = TransactionalPublisher(
        world.bootstrap,
        world.lane.transactional_id,
        world.lane.position_topic,
        world.lane.shard,
    )
    publisher.publish((), RelayPosition(5, OTHER_DATABASE))
    publisher.close()
    assert OTHER_DATABASE in world.why_it_halts()


def test_postgres_was_restored_from_before_what_was_announced(world: World) -> None:
    relays.do(world.dsn, "DELETE FROM outbox WHERE id > 3")
    relays.do(world.dsn, "UPDATE relay_progress SET last_id = 3")
    relays.do(world.dsn, "SELECT setval('outbox_id_seq', 3)")
    assert "Postgres never had more than 3" in world.why_it_halts()


def test_kafka_was_restored_from_before_what_was_published(world: World) -> None:
    relays.do(world.dsn, "UPDATE relay_progress SET last_id = 6")
    assert "Kafka has lost the last of them" in world.why_it_halts()


def test_rows_were_dropped_before_they_were_published(world: World) -> None:
    relays.do(world.dsn, "SELECT setval('outbox_id_seq', 1500000)")
    relays.append_numbers(world.dsn, [6])
    relays.do(world.dsn, "DROP TABLE outbox_0")
    assert "rows 6 to 999999 of the outbox were dropped" in world.why_it_halts()


def test_somebody_else_wrote_where_the_position_is(world: World) -> None:
    relays.produce(world.bootstrap, world.lane.position_topic, [b"3"])
    with (
        relays.relay_of(world.dsn, world.bootstrap, world.lane) as relay,
        pytest.raises(Halt, match="somebody else wrote there"),
    ):
        relay.turn()


def test_a_new_database_that_announced_nothing_begins_at_its_beginning(world: World) -> None:
    relays.do(world.dsn, "UPDATE incarnation SET id = gen_random_uuid()")
    relays.do(world.dsn, "DELETE FROM relay_progress")
    world.publish_all(5)
    seen = relays.numbers(relays.read_committed(world.bootstrap, world.topic))
    assert sorted(seen) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
