"""What producers may send at worst: every kind of bad bytes, and months in any order."""

import random
from dataclasses import replace

import pytest

from bench.workload import Delivery
from bench.workload.faults import RECIPES
from tests.faults.deliveries import activity_of, again, firsts
from tests.faults.harness import Chain

pytestmark = pytest.mark.faults

HOUR_MS = 3_600_000


def test_hostile_bytes_in_every_batch_hold_up_nobody(chain: Chain) -> None:
    chain.start("award", "relay", "project")
    stream = chain.stream(events=1_200, bad_of_each=6)
    chain.prepare_customers(stream)
    chain.activities += stream.activities()
    chain.publish(stream.main())
    chain.settle()
    assert chain.dead_letters() >= 6 * len(RECIPES)


def test_months_backwards_and_shuffled_come_to_the_same(chain: Chain) -> None:
    """Late by days and weeks, some of tomorrow, half of them twice, through two workers."""
    chain.start("award", "award", "relay", "project")
    stream = replace(chain.stream(events=1_500), days=150)
    chain.prepare_customers(stream)
    chance = random.Random(1)
    events = [of_tomorrow(each) if chance.random() < 0.05 else each for each in firsts(stream)]
    chain.activities += [activity_of(each) for each in events]
    chain.activities += [a for each in stream.settings() if (a := each.activity) is not None]
    chain.publish(reversed(events[:750]))
    late = [*events[750:], *again(events[::2])]
    chain.publish(chance.sample(late, len(late)))
    chain.settle()


def of_tomorrow(delivery: Delivery) -> Delivery:
    """Where the event itself says when it was: twelve hours later, which is still believed."""
    occurred_ms = delivery.datum["occurred_at"]
    if not isinstance(occurred_ms, int):
        return delivery
    activity = activity_of(delivery)
    later_ms = max(activity.occurred_ms, occurred_ms) + 12 * HOUR_MS
    return delivery._replace(
        datum={**delivery.datum, "occurred_at": later_ms},
        activity=replace(activity, occurred_ms=later_ms),
    )
