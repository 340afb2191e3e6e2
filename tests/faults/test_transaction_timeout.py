"""A relay sleeps for longer than Kafka keeps its transaction open, and nobody takes over."""

import time

import pytest

from tests.faults.harness import Chain
from tests.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.slow]

KEPT_OPEN_S = 12.0
"""As long as the relay tells Kafka to."""
ENDED_WITHIN_S = 15.0


@pytest.mark.parametrize("point", ["in_transaction", "before_kafka_commit"])
def test_what_kafka_aborted_meanwhile_is_published_again_and_once(chain: Chain, point: str) -> None:
    chain.start("award", "project")
    sleeper = chain.launch("relay", {"GAMIFICATION_KILL_AT": f"relay.{point}:3:stop"})
    chain.load(events=3_000, per_s=150)
    chain.wait_frozen(sleeper)
    asleep_since = time.monotonic()
    eventually(
        lambda: time.monotonic() > asleep_since + KEPT_OPEN_S + ENDED_WITHIN_S,
        within_s=60,
        every_s=0.5,
    )
    sleeper.resume()
    eventually(lambda: '"unavailable"' in sleeper.log_text(), within_s=60)
    chain.settle()
