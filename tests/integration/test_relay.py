"""The relay against real Kafka and Postgres: each outbox row once, in order, whatever happens."""

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import psycopg
import pytest

from deploy.devstack.server import Addresses
from gamification.adapters.kafka.publisher import TransactionalPublisher
from gamification.adapters.postgres import relay_state
from gamification.adapters.postgres.connection import connect
from gamification.application.relay import Relay
from gamification.application.relay_lanes import Lane, Limits
from gamification.domain.errors import Halt, Unavailable
from tests import relays
from tests.relays import Turning, fact
from tests.servers import Topics
from tests.waiting import eventually

pytestmark = pytest.mark.servers


@dataclass(frozen=True, slots=True)
class World:
    """One database, one topic for its facts, and the names of one relay."""

    dsn: str
    bootstrap: str
    topic: str
    lane: Lane

    def relay(self, limits: Limits | None = None) -> Relay:
        return relays.make_relay(self.dsn, self.bootstrap, self.lane, limits=limits)

    def publish_all(self, limits: Limits | None = None) -> None:
        with relays.relay_of(self.dsn, self.bootstrap, self.lane, limits) as relay:
            relays.turn_until(relay, self.dsn, relays.last_id(self.dsn))

    def seen(self) -> list[int]:
        return relays.numbers(relays.read_committed(self.bootstrap, self.topic))


@pytest.fixture
def world(servers: Addresses, database_dsn: str, kafka_topics: Topics) -> World:
    lane = relays.lane()
    kafka_topics.create(lane.position_topic, partitions=1)
    topic = kafka_topics.fresh("facts", partitions=3)
    relays.do(database_dsn, relays.RENAME, topic, relays.FACTS)
    return World(database_dsn, servers.kafka_bootstrap, topic, lane)


@pytest.fixture
def running(world: World) -> Iterator[Callable[[], Turning]]:
    """Relays in threads, all of one lane, stopped at the end."""
    made: list[Turning] = []

    def start() -> Turning:
        made.append(Turning(world.relay()).__enter__())
        return made[-1]

    yield start
    for turning in made:
        turning.__exit__(None, None, None)


def test_rows_are_published_once_and_in_order_with_their_key_and_headers(world: World) -> None:
    written = relays.append_numbers(world.dsn, range(1, 301))

    world.publish_all(Limits(rows_max=40))

    relays.assert_once_and_in_order(world.bootstrap, world.topic, written)
    first = next(s for s in relays.read_committed(world.bootstrap, world.topic) if s.value == b"1")
    assert first.key == b"k1"
    incarnation = relays.ask(world.dsn, "SELECT id FROM incarnation")
    assert first.headers == {
        "traceparent": relays.TRACEPARENT,
        "event_type": world.topic,
        "outbox_id": f"{incarnation[:8]}-1",
    }


def test_a_relay_that_comes_back_publishes_only_what_is_new(world: World) -> None:
    relays.append_numbers(world.dsn, range(1, 11))
    world.publish_all()
    relays.append_numbers(world.dsn, range(11, 21))

    world.publish_all()

    relays.assert_once_and_in_order(world.bootstrap, world.topic, range(1, 21))


def test_an_avro_body_gets_the_registrys_id_of_its_version_before_it(world: World) -> None:
    row = fact(1, value=b"body")._replace(schema_version=2)
    relays.append(world.dsn, [row])
    asked: list[tuple[str, str]] = []

    def id_of(topic: str, text: str) -> int:
        asked.append((topic, text))
        return 258

    relay = relays.make_relay(
        world.dsn, world.bootstrap, world.lane, id_of=id_of, versions={world.topic: ["one", "two"]}
    )
    try:
        relays.turn_until(relay, world.dsn, 1)
    finally:
        relay.recover()

    [seen] = relays.read_committed(world.bootstrap, world.topic)
    assert seen.value == b"\0\0\0\1\2body"
    assert asked == [(world.topic, "one"), (world.topic, "two")]


def test_while_the_registry_is_away_the_relay_is_not_ready_and_publishes_later(
    world: World,
) -> None:
    relays.append(world.dsn, [fact(1)._replace(schema_version=1)])
    answers: list[int | None] = [None, 7]

    relay = relays.make_relay(
        world.dsn,
        world.bootstrap,
        world.lane,
        id_of=lambda _topic, _text: answers.pop(0),
        versions={world.topic: ["one"]},
    )
    try:
        with pytest.raises(Unavailable, match="not registered") as caught:
            relay.turn()
        relay.recover(caught.value)
        with pytest.raises(Unavailable, match="not registered"):
            relay.check()
        relays.turn_until(relay, world.dsn, 1)
        relay.check()
    finally:
        relay.recover()


def test_ids_of_rolled_back_transactions_are_passed_over(world: World) -> None:
    relays.append(world.dsn, [fact(1)])
    with psycopg.connect(world.dsn) as database:
        database.execute("SELECT nextval('outbox_id_seq') FROM generate_series(1, 1000)")
        database.rollback()
    relays.append(world.dsn, [fact(2)])
    assert relays.last_id(world.dsn) == 1002

    world.publish_all()

    relays.assert_once_and_in_order(world.bootstrap, world.topic, [1, 2])


def test_a_commit_is_published_at_once_without_waiting_for_the_next_look(
    world: World, running: Callable[[], Turning]
) -> None:
    turning = running()
    eventually(lambda: turning.relay.is_leading)
    for number in range(1, 6):
        relays.append(world.dsn, [fact(number)])
        eventually(lambda wanted=number: relays.progress(world.dsn) == wanted)  # type: ignore[misc]
    relays.assert_once_and_in_order(world.bootstrap, world.topic, range(1, 6))


def test_of_two_relays_one_stands_by_and_takes_over_when_the_other_ends(
    world: World, running: Callable[[], Turning]
) -> None:
    with Turning(world.relay()) as first:
        eventually(lambda: first.relay.is_leading)
        second = running()
        relays.append_numbers(world.dsn, range(1, 101))
        eventually(lambda: relays.progress(world.dsn) == 100)
        second.relay.check()
        assert not second.relay.is_leading
    relays.append_numbers(world.dsn, range(101, 201))
    eventually(lambda: relays.progress(world.dsn) == 200)
    eventually(lambda: second.relay.is_leading)
    relays.assert_once_and_in_order(world.bootstrap, world.topic, range(1, 201))


def test_two_relays_that_both_believe_to_lead_publish_nothing_twice(world: World) -> None:
    """Postgres' lock only keeps the peace; that facts are announced once rests on Kafka."""
    limits = Limits(rows_max=10)
    written = relays.append_numbers(world.dsn, range(1, 101))
    with relays.relay_of(world.dsn, world.bootstrap, world.lane, limits) as old:
        relays.turn_until(old, world.dsn, 30)
        assert old._database is not None
        old._database.execute("SELECT pg_advisory_unlock_all()")
        with relays.relay_of(world.dsn, world.bootstrap, world.lane, limits) as new:
            new.turn()
            with pytest.raises(Unavailable, match="another relay has taken over"):
                old.turn()
            relays.turn_until(new, world.dsn, 100)
    relays.assert_once_and_in_order(world.bootstrap, world.topic, written)


def test_a_relay_that_is_silent_for_too_long_loses_its_leadership(world: World) -> None:
    with (
        relays.relay_of(world.dsn, world.bootstrap, world.lane, Limits(idle_limit_s=1)) as frozen,
        relays.relay_of(world.dsn, world.bootstrap, world.lane) as next_one,
    ):
        frozen.turn()
        next_one.turn()
        assert [frozen.is_leading, next_one.is_leading] == [True, False]

        def taken_over() -> bool:
            next_one.turn()
            return next_one.is_leading

        eventually(taken_over)
        with pytest.raises(Unavailable):
            frozen.turn()


def test_each_lane_publishes_its_topics_and_follows_where_others_went(
    world: World, kafka_topics: Topics
) -> None:
    """Rows of two topics by turns: together the lanes publish each row once, whoever is first."""
    tasks = kafka_topics.fresh("tasks")
    relays.do(world.dsn, relays.RENAME, tasks, relays.TASKS)
    mine = replace(world.lane, only=frozenset({world.topic}))
    other = replace(relays.lane(), shard=1, but=frozenset({world.topic}))
    kafka_topics.create(other.position_topic, partitions=2)
    for number in range(1, 41, 2):
        task = fact(number + 1)._replace(topic="badge.task")
        relays.append(world.dsn, [fact(number), task])
    relays.append(world.dsn, [fact(41), fact(42)])

    for lane in (mine, other, mine):
        with relays.relay_of(world.dsn, world.bootstrap, lane, Limits(rows_max=7)) as relay:
            relays.turn_until(relay, world.dsn, 42, of_shard=lane.shard)

    assert sorted(world.seen()) == [*range(1, 41, 2), 41, 42]
    seen = relays.read_committed(world.bootstrap, tasks)
    assert relays.numbers(seen) == list(range(2, 42, 2))


def test_a_topic_that_came_after_the_start_is_not_passed_over(
    world: World, kafka_topics: Topics
) -> None:
    """A migration adds topics while an older relay runs."""
    added = kafka_topics.fresh("added")
    relays.append(world.dsn, [fact(1)])
    with relays.relay_of(world.dsn, world.bootstrap, world.lane) as relay:
        relays.turn_until(relay, world.dsn, 1)
        relays.do(world.dsn, "INSERT INTO topics (code, name) VALUES (99, %s)", added)
        relays.append(world.dsn, [fact(2), fact(3)])
        relays.do(world.dsn, "UPDATE outbox SET topic = 99 WHERE id = 2")
        relays.turn_until(relay, world.dsn, 3)
    assert relays.numbers(relays.read_committed(world.bootstrap, added)) == [2]
    assert sorted(world.seen()) == [1, 3]


def test_rows_are_kept_until_every_lane_has_published_them(world: World) -> None:
    """This lane is far, the other one never said anything: nothing may be dropped."""
    relays.append(world.dsn, [fact(1)])
    relays.do(world.dsn, "SELECT setval('outbox_id_seq', 1999999)")
    relays.append(world.dsn, [fact(2)])
    relays.do(world.dsn, "UPDATE outbox SET created_at = now() - interval '9 hours'")
    lane = replace(world.lane, others=(1,))
    first = "SELECT to_regclass('outbox_0') IS NOT NULL"
    limits = Limits(keep_hours=1)
    with relays.relay_of(world.dsn, world.bootstrap, lane, limits) as relay:
        relays.turn_until(relay, world.dsn, 2_000_000)
        relay.turn()
    assert relays.ask(world.dsn, first) == "True"

    relays.do(world.dsn, "INSERT INTO relay_progress (shard, last_id) VALUES (1, 2000000)")
    with relays.relay_of(world.dsn, world.bootstrap, lane, limits) as relay:
        relay.turn()
    assert relays.ask(world.dsn, first) == "False"


def test_a_position_read_right_after_a_commit_is_that_commits(world: World) -> None:
    lane = world.lane
    relays.append(world.dsn, [fact(n) for n in range(1, 6)])
    for expected in range(1, 6):
        with relays.relay_of(world.dsn, world.bootstrap, lane, Limits(rows_max=1)) as relay:
            relay.turn()
        publisher = TransactionalPublisher(
            world.bootstrap, lane.transactional_id, lane.position_topic, lane.shard
        )
        position = publisher.position().position
        publisher.close()
        assert position is not None
        assert position.last_id == expected


def test_published_partitions_are_dropped_after_their_time_and_the_relay_goes_on(
    world: World,
) -> None:
    relays.append(world.dsn, [fact(1)])
    relays.do(world.dsn, "SELECT setval('outbox_id_seq', 1999999)")
    relays.append(world.dsn, [fact(2), fact(3)])
    world.publish_all()
    database = connect(world.dsn, "tests")
    try:
        drop = relay_state.drop_published_partitions
        assert drop(database, 2_000_001, keep_hours=1) == []
        relays.do(world.dsn, "UPDATE outbox SET created_at = now() - interval '2 hours'")
        assert drop(database, 999_999, keep_hours=1) == []
        assert drop(database, 2_000_001, keep_hours=1) == ["outbox_0", "outbox_1000000"]
    finally:
        database.close()
    relays.append(world.dsn, [fact(4)])

    world.publish_all()

    relays.assert_once_and_in_order(world.bootstrap, world.topic, [1, 2, 3, 4])


def test_a_turning_relay_makes_the_partitions_of_the_ids_to_come(world: World) -> None:
    relays.do(world.dsn, "SELECT setval('outbox_id_seq', 5500000)")
    with relays.relay_of(world.dsn, world.bootstrap, world.lane) as relay:
        relay.turn()
    assert relays.ask(world.dsn, "SELECT to_regclass('outbox_13000000') IS NOT NULL") == "True"


def test_a_fact_that_its_topic_never_takes_stops_the_relay_and_is_named(
    world: World,
) -> None:
    relays.append_numbers(world.dsn, range(1, 11))
    relays.append(world.dsn, [fact(11, value=random.Random(1).randbytes(4_000_000))])
    relays.append_numbers(world.dsn, range(12, 15))
    with (
        relays.relay_of(world.dsn, world.bootstrap, world.lane) as relay,
        pytest.raises(Halt, match=r"outbox row 11: .*max\.message\.bytes"),
    ):
        relays.turn_until(relay, world.dsn, 14)
    assert sorted(world.seen()) == list(range(1, 11))


def test_a_missing_topic_is_waited_for(world: World, kafka_topics: Topics) -> None:
    topic = f"late.{uuid.uuid4().hex}"
    relays.do(world.dsn, relays.RENAME, topic, relays.FACTS)
    relays.append(world.dsn, [fact(1)])
    with relays.relay_of(world.dsn, world.bootstrap, world.lane) as relay:
        with pytest.raises(Unavailable, match=rf"{topic} was not taken.*cli\.topics") as caught:
            relay.turn()
        relay.recover(caught.value)
        kafka_topics.create(topic)
        relays.turn_until(relay, world.dsn, 1)
    assert relays.numbers(relays.read_committed(world.bootstrap, topic)) == [1]


def test_postgres_away_is_told_as_such(world: World) -> None:
    nowhere = "postgresql://postgres@127.0.0.1:9/none"
    relay = relays.make_relay(nowhere, world.bootstrap, world.lane)
    with pytest.raises(Unavailable, match="postgres"):
        relay.turn()
