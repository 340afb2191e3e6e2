"""What brokers say of where a log begins and ends, when they are not themselves."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import cast

import pytest
from confluent_kafka import OFFSET_END, OFFSET_INVALID, TopicPartition
from confluent_kafka.admin import AdminClient

from gamification.adapters.kafka.bounds import Span, offset_since, spans
from gamification.domain.errors import Unavailable

PLACE = "points.earned", 0


class Brokers:
    """A client whose brokers answer these offsets, one question after the other."""

    def __init__(self, *offsets: int) -> None:
        self._offsets = list(offsets)

    def list_offsets(
        self, wanted: dict[TopicPartition, object], **_: float
    ) -> "dict[TopicPartition, Future[SimpleNamespace]]":
        answers: dict[TopicPartition, Future[SimpleNamespace]] = {}
        for place in wanted:
            answers[place] = Future()
            answers[place].set_result(SimpleNamespace(offset=self._offsets[0]))
        del self._offsets[0]
        return answers


def ask(*offsets: int) -> Span:
    return spans(cast("AdminClient", Brokers(*offsets)), [PLACE], 1.0)[PLACE]


def test_the_first_and_the_next_offset_are_told() -> None:
    assert ask(3, 7) == Span(3, 7)


@pytest.mark.parametrize("offsets", [(0, OFFSET_INVALID), (OFFSET_INVALID, 7), (-1, -1)])
def test_an_answer_without_an_offset_is_no_end_of_a_log(offsets: tuple[int, int]) -> None:
    """A broker that is being stopped gave one: the worker took its records for lost, and halted."""
    with pytest.raises(Unavailable, match="do not know"):
        ask(*offsets)


def test_nothing_since_then_is_not_the_same_as_no_answer() -> None:
    assert offset_since(TopicPartition("a", 0, 7)) == 7
    assert offset_since(TopicPartition("a", 0, OFFSET_END)) is None
    with pytest.raises(Unavailable):
        offset_since(TopicPartition("a", 0, OFFSET_INVALID))
