"""A consumer that asks for its positions again and again while the broker dies and comes back."""

import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from deploy.devstack.stack import Stack
from gamification.adapters.kafka.consumer import InputConsumer, Positions
from gamification.domain.errors import Unavailable
from tests.servers import Topics
from tests.waiting import eventually

pytestmark = pytest.mark.servers

TOPICS = 6
DEATHS = 3
BACK_WITHIN_S = 30


@pytest.fixture
def consumer(own_stack: Stack) -> Iterator[InputConsumer]:
    """One that owns all partitions of some topics and reads from their beginning."""
    topics = Topics(own_stack.addresses.kafka_bootstrap)
    names = [topics.fresh("leaders", partitions=4) for _ in range(TOPICS)]

    def first(positions: Positions) -> Positions:
        return positions

    group = f"leaders-{uuid.uuid4().hex}"
    one = InputConsumer(own_stack.addresses.kafka_bootstrap, group, names, first)
    with closing(one):
        eventually(lambda: one.poll(1, 1) == [] and len(one.expected) == 4 * TOPICS, within_s=60)
        yield one


def finds_its_positions(consumer: InputConsumer) -> bool:
    try:
        consumer.go_back()
    except Unavailable:
        return False
    return True


@pytest.mark.slow
def test_what_a_broker_says_while_it_starts_is_not_believed_for_ever(
    own_stack: Stack, consumer: InputConsumer
) -> None:
    for _ in range(DEATHS):
        own_stack.kafka.kill()
        own_stack.kafka.launch()  # type: ignore[attr-defined] # asked while it is starting
        eventually(lambda: finds_its_positions(consumer), within_s=BACK_WITHIN_S, every_s=0.05)
