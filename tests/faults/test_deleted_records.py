"""Records that are gone before they were counted, and topics made anew: stop, and say so."""

import psycopg
import pytest
from confluent_kafka import OFFSET_END, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumers.process import EXIT_HALT
from gamification.domain.activity import Kind
from tests.faults.deliveries import firsts
from tests.faults.harness import Chain
from tests.waiting import eventually

pytestmark = pytest.mark.faults

TOPIC = Kind.POINTS_EARNED.value


def test_records_deleted_before_they_were_counted_stop_the_worker(chain: Chain) -> None:
    award, *_ = chain.start("award", "relay", "project")
    stream = chain.stream(events=600)
    chain.prepare_customers(stream)
    events = firsts(stream)
    lost = [each for each in events[:300] if each.topic == TOPIC]
    never = {id(each.activity) for each in lost}
    kept = [each for each in events if id(each.activity) not in never]
    chain.activities += [
        delivery.activity for delivery in [*stream.settings(), *kept] if delivery.activity
    ]
    award.stop()
    chain.publish(lost)
    delete_all(chain, TOPIC)
    chain.publish(kept[:200])
    before = chain.counted()
    award.launch()
    assert chain.wait_dead(award) == EXIT_HALT
    assert "were deleted before" in award.log_text()
    assert chain.counted() == before
    # What an operator does who accepts the loss.
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        database.execute("DELETE FROM consumer_offsets WHERE topic = %s", (TOPIC,))
    award.start()
    chain.publish(kept[200:])
    chain.settle()


@pytest.mark.slow
def test_a_topic_that_was_made_anew_stops_the_worker(chain: Chain) -> None:
    """Its old offsets mean other records now."""
    award, *_ = chain.start("award", "relay", "project")
    stream = chain.stream(events=600)
    chain.prepare_customers(stream)
    events = firsts(stream)
    chain.activities += stream.activities()
    chain.publish(events[:400])
    chain.drain()
    award.stop()
    make_anew(chain, TOPIC)
    award.launch()
    assert chain.wait_dead(award) == EXIT_HALT
    assert "made anew" in award.log_text()
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        database.execute("DELETE FROM consumer_offsets WHERE topic = %s", (TOPIC,))
    award.start()
    chain.publish(events[400:])
    chain.settle()


def make_anew(chain: Chain, topic: str) -> None:
    """Delete it and create it, with as many partitions as before."""
    admin = AdminClient({"bootstrap.servers": chain.addresses.kafka_bootstrap, "log_level": 0})
    partitions = len(admin.list_topics(topic, timeout=10).topics[topic].partitions)
    for deleted in admin.delete_topics([topic], operation_timeout=30).values():
        deleted.result(30)

    def create() -> None:
        for created in admin.create_topics([NewTopic(topic, partitions)]).values():
            try:
                created.result(30)
            except KafkaException as error:  # the old one may not be gone quite yet
                raise AssertionError(str(error)) from error

    eventually(create, within_s=30, every_s=0.2)


def delete_all(chain: Chain, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": chain.addresses.kafka_bootstrap, "log_level": 0})
    partitions = admin.list_topics(topic, timeout=10).topics[topic].partitions
    ends = [TopicPartition(topic, partition, OFFSET_END) for partition in partitions]
    for deleted in admin.delete_records(ends).values():
        deleted.result(30)
