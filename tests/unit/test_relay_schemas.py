"""Schema ids: asked for once, and never guessed."""

import pytest

from gamification.application.relay_schemas import SchemaPrefixes
from gamification.domain.errors import Halt, Unavailable


def test_each_id_is_asked_for_once_and_known_ones_outlive_the_registry() -> None:
    answers = {"one": 1, "two": 70_000}
    prefixes = SchemaPrefixes(lambda _topic, text: answers.pop(text), {"t": ["one", "two"]})

    prefixes.resolve()

    assert not answers
    assert prefixes.of("t", 1) == b"\0\0\0\0\1"
    assert prefixes.of("t", 2) == b"\0" + (70_000).to_bytes(4, "big")


def test_a_schema_that_is_not_registered_may_be_so_later() -> None:
    answers = [None, 9]
    prefixes = SchemaPrefixes(lambda _topic, _text: answers.pop(0), {"t": ["one"]})
    with pytest.raises(Unavailable, match=r"python -m cli\.schemas register"):
        prefixes.resolve()
    prefixes.resolve()
    assert prefixes.of("t", 1)[-1] == 9


@pytest.mark.parametrize(("topic", "version"), [("t", 2), ("t", 0), ("other", 1)])
def test_a_version_that_this_relay_does_not_know_stops_it(topic: str, version: int) -> None:
    prefixes = SchemaPrefixes(lambda _topic, _text: 1, {"t": ["one"]})
    with pytest.raises(Halt, match="update the relay first"):
        prefixes.of(topic, version)
