"""After a disaster a person says where the relay goes on; before one, it shows how far it is."""

import pytest
from confluent_kafka import OFFSET_END

from deploy.devstack.server import Addresses
from gamification.application import relay_admin
from gamification.application.relay_lanes import Ends, Lane
from gamification.domain.errors import Halt
from tests import relays
from tests.servers import Topics

pytestmark = pytest.mark.servers


@pytest.fixture
def lane(kafka_topics: Topics) -> Lane:
    made = relays.lane()
    kafka_topics.create(made.position_topic, partitions=1)
    return made


@pytest.fixture
def topic(database_dsn: str, kafka_topics: Topics) -> str:
    name = kafka_topics.fresh("facts")
    relays.do(database_dsn, relays.RENAME, name, relays.FACTS)
    return name


def test_a_lost_position_is_shown_and_a_person_says_where_to_go_on(
    servers: Addresses, database_dsn: str, lane: Lane, topic: str
) -> None:
    ends = Ends(database_dsn, servers.kafka_bootstrap)
    relays.append_numbers(database_dsn, range(1, 11))
    with relays.relay_of(database_dsn, servers.kafka_bootstrap, lane) as relay:
        relays.turn_until(relay, database_dsn, 10)
        healthy = relay_admin.standing(ends, lane)
        with pytest.raises(Halt, match="a relay is running"):
            relay_admin.resume(ends, lane, 10)
    assert healthy.problem is None
    assert healthy.kafka is not None
    assert (healthy.kafka.last_id, healthy.postgres.published, healthy.waiting) == (10, 10, 0)

    relays.delete_records(servers.kafka_bootstrap, lane.position_topic, OFFSET_END)
    relays.append_numbers(database_dsn, range(11, 14))
    broken = relay_admin.standing(ends, lane)
    assert broken.problem is not None
    assert broken.problem.startswith("Kafka has lost the relay's position")
    assert broken.waiting == 3

    relay_admin.resume(ends, lane, 10)

    with relays.relay_of(database_dsn, servers.kafka_bootstrap, lane) as relay:
        relays.turn_until(relay, database_dsn, 13)
    relays.assert_once_and_in_order(servers.kafka_bootstrap, topic, range(1, 14))


def test_it_cannot_go_on_where_no_row_ever_was(
    servers: Addresses, database_dsn: str, lane: Lane, topic: str
) -> None:
    assert topic
    relays.append_numbers(database_dsn, range(1, 4))
    with pytest.raises(Halt, match="after 0 to 3"):
        relay_admin.resume(Ends(database_dsn, servers.kafka_bootstrap), lane, 4)
