"""Events that come again: in one batch, later, elsewhere, by the thousand, with other words."""

import random

import psycopg
import pytest

from tests.faults.deliveries import (
    activity_of,
    again,
    contradicted,
    firsts,
    on_another_topic,
    replayed,
)
from tests.faults.harness import Chain
from tests.oracle.letters_audit import BadRecord

pytestmark = pytest.mark.faults

PAID_NOTHING = """
    SELECT count(*) FROM processed_events AS p
     WHERE NOT EXISTS (SELECT FROM ledger WHERE cause = p.event_id)
"""


def test_again_in_every_way_counts_once(chain: Chain) -> None:
    chain.start("award", "relay", "project")
    stream = chain.stream(events=600)
    chain.prepare_customers(stream)
    events = firsts(stream)
    chain.activities += stream.activities()
    chain.publish(each for event in events for each in [event, *again([event])])
    chain.wait_all_counted()
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        row = database.execute(PAID_NOTHING).fetchone()
    assert row is not None
    assert row[0] > 50, "events that paid nothing must be among those that come again"
    shuffled = random.Random(1).sample(events, len(events))
    chain.publish(again(shuffled))
    chain.publish(replayed(events))
    chain.drain()
    for worker in chain.workers:
        worker.restart()
    chain.publish(again(reversed(events)))
    chain.publish(replayed(shuffled))
    chain.settle()


def test_the_same_id_with_other_content_is_never_counted(chain: Chain) -> None:
    """In the same batch, later, on another topic and through the replay."""
    chain.start("award", "relay", "project")
    stream = chain.stream(events=400)
    chain.prepare_customers(stream)
    events = firsts(stream)
    chain.activities += stream.activities()
    at_once, later, elsewhere, through_replay = (events[n::40] for n in range(4))
    told = {id(event): contradicted([event]) for event in at_once}
    chain.publish(each for event in events for each in [event, *told.get(id(event), [])])
    chain.wait_all_counted()
    chain.publish(contradicted(later))
    chain.publish(
        on_another_topic(event)
        for event in elsewhere
        if event.topic != "points.earned" and event.datum["occurred_at"] is not None
    )
    came_back = replayed(through_replay)
    for event, delivery in zip(through_replay, came_back, strict=True):
        [other] = contradicted([event])
        chain.publish([delivery._replace(datum=other.datum)])
        headers = dict(delivery.headers)
        chain.bad.append(
            BadRecord(
                topic=event.topic,
                partition=0,
                offset=int(headers["dlq.origin.offset"]),
                timestamp_ms=event.timestamp_ms,
                key=event.key,
                letter_value=chain.schemas.encode(
                    event.schema,
                    {**other.datum, **({"email": ""} if "email" in other.datum else {})},
                ),
                reason="conflicting_duplicate",
                merchant=activity_of(event).merchant_id,
            )
        )
    chain.settle()


def test_a_storm_of_duplicates_takes_the_short_cut_and_changes_nothing(chain: Chain) -> None:
    """Ten times the same, with contradictions in between, and Redis away in the middle of it."""
    award, *_ = chain.start("award", "relay", "project")
    stream = chain.stream(events=1_000)
    chain.prepare_customers(stream)
    events = firsts(stream)
    chain.activities += stream.activities()
    chain.publish(events)
    for _ in range(5):
        chain.publish(again(events))
    chain.drain()
    by_redis = chain.metric(award, 'gamification_duplicates_total{known_by="redis"')
    assert by_redis > 0
    # Contradictions around a repetition: all in one batch, and Redis knows the id.
    before = {id(event): contradicted([event]) for event in events[::50]}
    after = {id(event): contradicted([event]) for event in events[25::50]}
    chain.publish(
        each
        for event in events
        for each in [*before.get(id(event), []), *again([event]), *after.get(id(event), [])]
    )
    chain.publish(contradicted(events[10::50]))
    chain.drain()
    assert chain.metric(award, 'gamification_duplicates_total{known_by="redis"') > by_redis
    chain.servers.redis.stop()
    for _ in range(2):
        chain.publish(again(events))
    chain.wait_inputs_handled()
    chain.servers.redis.start()
    for _ in range(2):
        chain.publish(again(events))
    chain.settle()
