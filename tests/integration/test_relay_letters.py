"""Dead letters on their way to their topic: whole, and where that cannot be, saying why not."""

import random

import pytest

from deploy.devstack.server import Addresses
from gamification.adapters.kafka import originals
from gamification.adapters.postgres import outbox_reader
from gamification.application.relay_lanes import Limits
from gamification.domain.errors import Reason
from gamification.wire.dead_letter import letter_of, outbox_row
from gamification.wire.envelope import DeadLetter, OutboxRow, Position, Record
from tests import relays
from tests.servers import Topics

pytestmark = pytest.mark.servers

ADDRESS = b"\0\0\0\0\1 somebody@example.org"


class World:
    """One database, a topic for its letters, and an input topic where originals lie."""

    def __init__(self, dsn: str, servers: Addresses, topics: Topics) -> None:
        self.dsn = dsn
        self.bootstrap = servers.kafka_bootstrap
        self.lane = relays.lane()
        topics.create(self.lane.position_topic, partitions=1)
        self.topic = topics.fresh("letters", partitions=1)
        self.inputs = topics.fresh("inputs", partitions=2)
        relays.do(dsn, relays.RENAME, self.topic, relays.LETTERS)

    def letter(self, offset: int, value: bytes | None, *, by_reference: bool = False) -> OutboxRow:
        position = Position(self.inputs, 0, offset)
        return outbox_row(
            DeadLetter(
                origin=position,
                origin_timestamp_ms=1_795_000_000_000,
                source=position,
                key=b"k",
                value=None if by_reference else value,
                by_reference=by_reference,
                reason=Reason.MALFORMED,
                detail="value: truncated",
                attempts=1,
                first_failed_ms=1_795_000_000_000,
                traceparent=relays.TRACEPARENT,
                event_id=None,
                merchant_id=None,
            )
        )

    def publish_all(self) -> list[relays.Seen]:
        with relays.relay_of(self.dsn, self.bootstrap, self.lane, Limits(rows_max=100)) as relay:
            relays.turn_until(relay, self.dsn, relays.last_id(self.dsn))
        return relays.read_committed(self.bootstrap, self.topic)


@pytest.fixture
def world(servers: Addresses, database_dsn: str, kafka_topics: Topics) -> World:
    return World(database_dsn, servers, kafka_topics)


def test_a_letter_is_published_with_the_originals_bytes_and_its_headers(world: World) -> None:
    relays.append(world.dsn, [world.letter(7, b"\xff\0bytes"), world.letter(8, None)])

    first, second = world.publish_all()

    assert (first.key, first.value) == (b"k", b"\xff\0bytes")
    assert second.value is None
    assert first.headers["event_type"] == world.inputs
    assert first.headers["traceparent"] == relays.TRACEPARENT
    headers = tuple((name, text.encode()) for name, text in first.headers.items())
    letter = letter_of(Record("gamification.dlq", 0, 0, 0, first.key, first.value, headers))
    assert letter.origin == Position(world.inputs, 0, 7)
    assert letter.reason is Reason.MALFORMED


def test_a_letter_whose_original_is_gone_by_now_is_not_announced_a_second_time(
    world: World,
) -> None:
    """Kafka forgot the end of the transaction; which letter that was, its bytes cannot tell."""
    relays.produce(world.bootstrap, world.inputs, [b"zero"])
    relays.append(world.dsn, [world.letter(0, None, by_reference=True)])
    published = world.publish_all()
    relays.delete_records(world.bootstrap, world.inputs, 1)
    relays.forget_the_end(world.dsn, world.bootstrap, world.lane, after=0, up_to=1)

    assert world.publish_all() == published


def test_a_letter_by_reference_gets_its_bytes_from_kafka_and_no_table_ever_holds_them(
    world: World,
) -> None:
    relays.produce(world.bootstrap, world.inputs, [b"zero", ADDRESS, b"two"])
    rows = [world.letter(offset, None, by_reference=True) for offset in (1, 0, 1)]
    relays.append(world.dsn, [*rows, relays.fact(1)._replace(topic="gamification.dlq")])

    seen = world.publish_all()

    assert [one.value for one in seen] == [ADDRESS, b"zero", ADDRESS, b"1"]
    assert "truncated" in seen[0].headers["dlq.detail"]
    assert relays.ask(world.dsn, "SELECT count(*) FROM outbox WHERE value LIKE '%%@%%'") == "0"


def test_letters_whose_originals_are_gone_are_published_empty_and_say_so(world: World) -> None:
    relays.produce(world.bootstrap, world.inputs, [b"gone", b"kept"])
    relays.delete_records(world.bootstrap, world.inputs, before=1)
    rows = [world.letter(offset, None, by_reference=True) for offset in (0, 1, 99)]
    unknown = world.letter(3, None, by_reference=True)
    assert unknown.letter is not None
    other = unknown._replace(letter=unknown.letter.replace(world.inputs, "no.such.topic"))
    relays.append(world.dsn, [*rows, other])

    seen = world.publish_all()

    assert [one.value for one in seen] == [b"", b"kept", b"", b""]
    gone = f"value: truncated; the original is gone from {world.inputs}[0] at 0"
    assert seen[0].headers["dlq.detail"] == gone
    assert seen[3].headers["dlq.detail"].endswith("no.such.topic[0] at 3")


def test_more_originals_than_are_read_at_once_all_arrive_in_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(originals, "RECORDS_MAX", 7)
    values = [b"%d" % n for n in range(60)]
    relays.produce(world.bootstrap, world.inputs, values)
    order = list(range(60))
    random.Random(1).shuffle(order)
    relays.append(world.dsn, [world.letter(n, None, by_reference=True) for n in order])

    seen = world.publish_all()

    assert [one.value for one in seen] == [values[n] for n in order]


def test_a_letter_that_its_topic_does_not_take_is_published_without_its_bytes(
    world: World,
) -> None:
    huge = random.Random(1).randbytes(4_000_000)
    around = [world.letter(n, b"%d" % n) for n in range(6)]
    relays.append(world.dsn, [*around[:4], world.letter(9, huge), *around[4:]])

    seen = world.publish_all()

    assert [one.value for one in seen] == [b"0", b"1", b"2", b"3", b"", b"4", b"5"]
    refused = f"the original has 4000000 bytes, which {world.topic} does not take"
    assert seen[4].headers["dlq.detail"] == f"value: truncated; {refused}"


def test_a_letter_larger_than_any_topic_takes_is_not_even_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_reader, "VALUE_BYTES_MAX", 9_000)
    values = [b"a" * 8_193, b"b" * 9_001, b"c" * 9_000]
    relays.append(world.dsn, [world.letter(n, value) for n, value in enumerate(values)])

    seen = world.publish_all()

    assert [one.value for one in seen] == [values[0], b"", values[2]]
    assert "has 9001 bytes" in seen[1].headers["dlq.detail"]


def test_large_letters_are_read_a_few_at_a_time(world: World) -> None:
    values = [random.Random(n).randbytes(900_000) for n in range(25)]
    relays.append(world.dsn, [world.letter(n, value) for n, value in enumerate(values)])

    seen = world.publish_all()

    assert [one.value for one in seen] == values
