"""What becomes of Kafka's refusals: given up, waited for, or told to a person."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from gamification.adapters.kafka.publish_errors import Undelivered, Unproducible, translate
from gamification.domain.errors import Unavailable

PURGED = KafkaException(KafkaError(KafkaError._PURGE_QUEUE))


def of_record(code: int, name: str) -> list[Undelivered]:
    return [Undelivered("badge.awarded", code, name)]


def test_a_clock_that_jumped_is_waited_for_and_is_no_record_s_fault() -> None:
    """The broker judges the time that our own client gave the record."""
    refused = of_record(KafkaError.INVALID_TIMESTAMP, "INVALID_TIMESTAMP")

    found = translate(PURGED, "publish", refused)

    assert isinstance(found, Unavailable)
    assert "clock" in str(found)


@pytest.mark.parametrize("code", [KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD])
def test_a_record_that_no_topic_takes_is_found_and_given_up(code: int) -> None:
    assert isinstance(translate(PURGED, "publish", of_record(code, "x")), Unproducible)
