"""What a killed broker left undecided: only what readers do not see yet is announced."""

import pytest
from confluent_kafka import KafkaError, Producer

from deploy.devstack.server import Addresses
from gamification.adapters.kafka import position, visible
from gamification.adapters.kafka.position import RelayPosition
from gamification.adapters.kafka.publisher import TransactionalPublisher
from gamification.adapters.postgres import outbox_reader, relay_state
from gamification.adapters.postgres.connection import connect
from gamification.application import announced, relay_admin
from gamification.application.announced import Site
from gamification.application.relay_lanes import Ends, Limits
from gamification.domain.errors import Halt, Unavailable
from tests import relays
from tests.servers import Topics
from tests.waiting import eventually

pytestmark = pytest.mark.servers


CUSTOMERS = 5


class World:
    """A lane whose position is at 5 of 10 rows, as if Kafka had not ended what came after."""

    def __init__(self, dsn: str, servers: Addresses, topics: Topics) -> None:
        self.dsn = dsn
        self.bootstrap = servers.kafka_bootstrap
        self.ends = Ends(dsn, self.bootstrap)
        self.lane = relays.lane()
        topics.create(self.lane.position_topic, partitions=1)
        self.topic = topics.fresh("facts")
        relays.do(dsn, relays.RENAME, self.topic, relays.FACTS)
        self.written: list[int] = []
        self.write(5)
        self.publish_all()
        self.write(5)

    def write(self, more: int) -> None:
        """Rows of five customers by turns."""
        last = len(self.written)
        for number in range(last + 1, last + more + 1):
            relays.append(self.dsn, [relays.fact(number, key=b"k%d" % (number % CUSTOMERS))])
            self.written.append(number)

    def rows_by_partition(self) -> list[list[int]]:
        """Rows 6 to 10, together with those that share their fate."""
        places = {
            int(one.value or b"0"): one.partition
            for one in relays.read_committed(self.bootstrap, self.topic)
        }
        rows: dict[int, list[int]] = {}
        for number in range(6, 11):
            rows.setdefault(places[number - CUSTOMERS], []).append(number)
        return list(rows.values())

    def seen_by_readers(self, *numbers: int) -> None:
        """These rows reached their topic."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "partitioner": "murmur2_random"})
        life = relays.ask(self.dsn, "SELECT id FROM incarnation")[:8]
        for number in numbers:
            producer.produce(
                self.topic,
                str(number).encode(),
                b"k%d" % (number % CUSTOMERS),
                headers=[("outbox_id", f"{life}-{number}")],
            )
        assert producer.flush(10) == 0

    def undecided_up_to(self, row: int, *, published: int) -> None:
        """What Postgres remembers of it."""
        database = connect(self.dsn, "tests")
        try:
            relay_state.store_progress(database, self.lane.shard, published)
            relay_state.note_undecided(database, self.lane.shard, row)
        finally:
            database.close()

    def publish_all(self, limits: Limits | None = None) -> None:
        with relays.relay_of(self.dsn, self.bootstrap, self.lane, limits) as relay:
            relays.turn_until(relay, self.dsn, len(self.written))

    def assert_all_once(self) -> None:
        relays.assert_once_and_in_order(self.bootstrap, self.topic, self.written)


@pytest.fixture
def world(servers: Addresses, database_dsn: str, kafka_topics: Topics) -> World:
    return World(database_dsn, servers, kafka_topics)


@pytest.mark.parametrize("partitions", [0, 1, 2, 3])
@pytest.mark.parametrize("published", [5, 10], ids=["nobody-knew", "we-knew"])
def test_what_readers_see_already_is_not_announced_again(
    world: World, partitions: int, published: int
) -> None:
    for rows in world.rows_by_partition()[:partitions]:
        world.seen_by_readers(*rows)
    world.undecided_up_to(10, published=published)
    world.write(3)
    world.publish_all()
    world.assert_all_once()


def test_clocks_play_no_part(world: World) -> None:
    """That of whoever published is two hours behind the one of Postgres."""
    world.seen_by_readers(6, 7, 8, 9, 10)
    relays.do(world.dsn, "UPDATE outbox SET created_at = created_at + interval '2 hours'")
    world.undecided_up_to(10, published=10)
    world.publish_all()
    world.assert_all_once()


def test_what_readers_see_is_found_however_much_came_to_the_topic_since(world: World) -> None:
    world.seen_by_readers(*range(6, 11))
    for partition in range(3):
        many = [b"0"] * 3 * visible.BACK
        relays.produce(world.bootstrap, world.topic, many, partition=partition)
    world.undecided_up_to(10, published=10)
    world.publish_all()
    seen = relays.numbers(relays.read_committed(world.bootstrap, world.topic))
    assert sorted(filter(None, seen)) == world.written


def test_rows_of_a_database_before_are_not_taken_for_ours(world: World) -> None:
    for number in range(6, 11):
        relays.produce(world.bootstrap, world.topic, [b"0"], outbox_id=f"{'0' * 8}-{number}")
    world.undecided_up_to(10, published=10)
    world.publish_all()
    seen = relays.numbers(relays.read_committed(world.bootstrap, world.topic))
    assert sorted(filter(None, seen)) == world.written


def test_what_is_there_what_is_missing_and_what_is_there_twice_is_told(world: World) -> None:
    world.seen_by_readers(6, 7, 7)
    database = outbox_reader.open_reader(world.dsn, "tests", 60)
    try:
        site = Site(world.bootstrap, world.lane, database, outbox_reader.topics(database))
        incarnation = relays.ask(world.dsn, "SELECT id FROM incarnation")
        seen = announced.look(site, incarnation, 1, 8)
    finally:
        database.close()
    assert seen.announced == {2, 3, 4, 5, 6, 7}
    assert seen.missing == {8: world.topic}
    assert seen.repeated == {world.topic: 1}


def test_a_relay_that_died_while_it_repaired_is_followed_by_one_that_goes_on(world: World) -> None:
    world.seen_by_readers(*world.rows_by_partition()[0])
    world.undecided_up_to(10, published=10)
    with relays.relay_of(world.dsn, world.bootstrap, world.lane, Limits(rows_max=2)) as relay:
        relay.turn()  # rows 6 and 7, or what is left of them
    world.publish_all()
    world.assert_all_once()


def test_what_was_repaired_once_is_not_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.undecided_up_to(10, published=10)
    world.publish_all()
    monkeypatch.delattr(visible, "rows")
    world.write(1)
    world.publish_all()
    world.assert_all_once()


def test_more_published_than_was_undecided_is_a_contradiction_all_the_same(world: World) -> None:
    world.undecided_up_to(8, published=10)
    with (
        relays.relay_of(world.dsn, world.bootstrap, world.lane) as relay,
        pytest.raises(Halt, match="Kafka has lost the last of them"),
    ):
        relay.turn()


def test_a_person_who_says_where_to_go_on_has_the_last_word(world: World) -> None:
    world.undecided_up_to(10, published=10)
    relay_admin.resume(world.ends, world.lane, 10)
    world.write(1)
    world.publish_all()
    seen = relays.numbers(relays.read_committed(world.bootstrap, world.topic))
    assert sorted(seen) == [1, 2, 3, 4, 5, 11]


def test_undoing_leaves_nothing_to_be_read(world: World) -> None:
    before = relays.read_committed(world.bootstrap, world.topic)
    publisher = TransactionalPublisher(
        world.bootstrap, world.lane.transactional_id, world.lane.position_topic, world.lane.shard
    )
    publisher.undo([world.topic, "no.such.topic"], RelayPosition(99, "anything"))
    found = publisher.position()
    publisher.close()
    assert found.undecided is None
    assert found.position is not None
    assert found.position.last_id == 5
    assert relays.read_committed(world.bootstrap, world.topic) == before


def test_what_was_ended_where_the_position_is_but_not_everywhere_is_announced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows 6 to 10 count as published; of some partitions nobody could read them."""
    kept, *lost = world.rows_by_partition()
    world.seen_by_readers(*kept)
    publisher = TransactionalPublisher(
        world.bootstrap, world.lane.transactional_id, world.lane.position_topic, world.lane.shard
    )
    incarnation = relays.ask(world.dsn, "SELECT id FROM incarnation")
    publisher.publish((), RelayPosition(10, incarnation, after=5))
    publisher.close()
    relays.do(world.dsn, "UPDATE relay_progress SET last_id = 10")
    assert lost
    # Only a broker that is killed at the wrong moment leaves such a partition behind.
    monkeypatch.setattr(visible, "hangs", lambda _brokers, _topics: True)
    world.write(2)
    with relays.relay_of(world.dsn, world.bootstrap, world.lane, Limits(rows_max=1)) as relay:
        relay.turn()  # and dies
    monkeypatch.undo()
    world.publish_all()
    world.assert_all_once()


def test_each_transaction_tells_where_the_one_before_it_began(world: World) -> None:
    """Kafka may have forgotten to end that one, too, before anybody noticed."""
    found = []
    with relays.relay_of(world.dsn, world.bootstrap, world.lane, Limits(rows_max=2)) as relay:
        for last in (7, 9, 10):
            relays.turn_until(relay, world.dsn, last)
            place = world.lane.position_topic, world.lane.shard
            found.append(position.read(world.bootstrap, *place).position)
    told = [(one.last_id, one.after) for one in found if one is not None]
    assert told == [(7, 5), (9, 5), (10, 7)]


def test_rows_of_the_transaction_before_the_last_are_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, *lost = world.rows_by_partition()
    assert lost
    world.seen_by_readers(*kept)
    world.write(1)
    world.seen_by_readers(11)
    publisher = TransactionalPublisher(
        world.bootstrap, world.lane.transactional_id, world.lane.position_topic, world.lane.shard
    )
    incarnation = relays.ask(world.dsn, "SELECT id FROM incarnation")
    publisher.publish((), RelayPosition(5, incarnation).followed_by(10).followed_by(11))
    publisher.close()
    relays.do(world.dsn, "UPDATE relay_progress SET last_id = 11")
    monkeypatch.setattr(visible, "hangs", lambda _brokers, _topics: True)
    with relays.relay_of(world.dsn, world.bootstrap, world.lane) as relay:
        relay.turn()
    seen = relays.numbers(relays.read_committed(world.bootstrap, world.topic))
    assert sorted(seen) == world.written


def test_open_records_are_noticed_wherever_they_are(world: World) -> None:
    assert not visible.hangs(world.bootstrap, [world.topic, "no.such.topic"])
    producer = Producer({"bootstrap.servers": world.bootstrap, "transactional.id": world.topic})
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.produce(world.topic, b"open", partition=1)
    producer.flush(10)
    assert visible.hangs(world.bootstrap, [world.topic])
    producer.abort_transaction(10)
    eventually(lambda: not visible.hangs(world.bootstrap, [world.topic]))


def test_a_publisher_whose_brokers_were_all_away_wants_to_be_made_anew(world: World) -> None:
    publisher = TransactionalPublisher(
        world.bootstrap, world.lane.transactional_id, world.lane.position_topic, world.lane.shard
    )
    publisher._on_error(KafkaError(KafkaError._TRANSPORT))
    publisher.publish((), RelayPosition(5, "anything"))
    publisher._on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    with pytest.raises(Unavailable, match="looked at again"):
        publisher.publish((), RelayPosition(5, "anything"))
