"""A small world for the relay: rows in the outbox, and what a reader of Kafka then sees.

Rows say their own number as their value, so that what was published can be compared with what
was written, in order, without knowing anything about the relay.
"""

import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Event, Thread
from types import TracebackType
from typing import Final, NamedTuple, Self, cast

import psycopg
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from gamification.adapters.kafka.position import RelayPosition
from gamification.adapters.kafka.publisher import TransactionalPublisher
from gamification.adapters.postgres import outbox, relay_state
from gamification.adapters.postgres.connection import connect
from gamification.adapters.postgres.session import EngineSession
from gamification.application.relay import Relay
from gamification.application.relay_lanes import Ends, Lane, Limits
from gamification.application.relay_schemas import SchemaPrefixes
from gamification.domain.errors import GamificationError, Unavailable
from gamification.wire.envelope import OutboxRow

READ_WITHIN_S: Final = 30.0
KAFKA_WITHIN_S: Final = 15.0
TRACEPARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

RENAME: Final = "UPDATE topics SET name = %s WHERE code = %s"
FACTS: Final = 1
"""Code of `badge.awarded`, which tests give a topic of their own."""
TASKS: Final = 2
"""Code of `badge.task`."""
LETTERS: Final = 10
"""Code of `gamification.dlq`."""


class Seen(NamedTuple):
    """A record as a reader of committed records sees it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, str]


def lane() -> Lane:
    """Names that no other test's relay knows. Its topic is not made yet."""
    name = f"relay.{uuid.uuid4().hex}"
    return Lane(transactional_id=name, position_topic=name)


def fact(number: int, key: bytes | None = b"k", value: bytes | None = None) -> OutboxRow:
    """A row that is published as it is; its value is its number unless told otherwise."""
    body = str(number).encode() if value is None else value
    return OutboxRow("badge.awarded", 0, key, body, TRACEPARENT, None)


def append(dsn: str, rows: Sequence[OutboxRow]) -> None:
    """Write rows as the award engine does, in one transaction."""
    session = EngineSession(dsn, "tests")
    try:
        with session.transaction() as tx:
            outbox.append(tx, rows, ())
    finally:
        session.close()


def append_numbers(dsn: str, numbers: Iterable[int], per_transaction: int = 50) -> list[int]:
    """Write a fact for each number; return them."""
    wanted = list(numbers)
    session = EngineSession(dsn, "tests")
    try:
        for start in range(0, len(wanted), per_transaction):
            with session.transaction() as tx:
                chunk = wanted[start : start + per_transaction]
                outbox.append(tx, [fact(n, key=b"k%d" % (n % 20)) for n in chunk], ())
    finally:
        session.close()
    return wanted


def last_id(dsn: str) -> int:
    return int(ask(dsn, "SELECT coalesce(max(id), 0) FROM outbox"))


def progress(dsn: str, of_shard: int | None = None) -> int:
    """How far Postgres says the relay is, all its lanes or one."""
    query = "SELECT coalesce(min(last_id), 0) FROM relay_progress WHERE shard = coalesce(%s, shard)"
    return int(ask(dsn, query, of_shard))


def ask(dsn: str, query: str, *values: object) -> str:
    """The first column of the only row, as text; empty when there is none."""
    with psycopg.connect(dsn, autocommit=True) as database:
        row = database.execute(query.encode(), values).fetchone()
    return str(row[0]) if row else ""


def do(dsn: str, statement: str, *values: object) -> None:
    with psycopg.connect(dsn, autocommit=True) as database:
        database.execute(statement.encode(), values)


def end_sessions(dsn: str, application_name: str) -> None:
    """As the server does with connections that were idle for too long, or in a fail-over."""
    do(
        dsn,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE %s",
        application_name,
    )


def says_ready(url: str) -> bool:
    """What a process answers on /ready."""
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=KAFKA_WITHIN_S) as answer:  # noqa: S310
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def metric(url: str, name: str) -> float:
    """The one sample of this name on a process's /metrics."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=KAFKA_WITHIN_S) as answer:  # noqa: S310
        lines = answer.read().decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def read_committed(bootstrap: str, topic: str) -> list[Seen]:
    """All that a reader of committed records gets, partition by partition, from the beginning.

    Raises AssertionError when an open transaction holds it back for too long.
    """
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"reader.{uuid.uuid4().hex}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 20,
            "log_level": 0,
        }
    )
    with closing(reader):
        partitions = list(
            reader.list_topics(topic, timeout=KAFKA_WITHIN_S).topics[topic].partitions
        )
        places = [TopicPartition(topic, p, 0) for p in partitions]
        for place in places:
            place.offset, _ = reader.get_watermark_offsets(place, timeout=KAFKA_WITHIN_S)
        reader.assign(places)
        seen = list(_until_ends(reader, set(partitions)))
    return sorted(seen, key=lambda one: (one.partition, one.offset))


def _until_ends(reader: Consumer, left: set[int]) -> Iterator[Seen]:
    while left:
        message = reader.poll(READ_WITHIN_S)
        assert message is not None, f"held back in partitions {left}"
        error = message.error()
        if error is not None:
            assert error.code() == KafkaError._PARTITION_EOF, error.str()
            left.discard(message.partition() or 0)
            continue
        pairs = cast("list[tuple[str, bytes]]", message.headers() or [])
        headers = {name: value.decode() for name, value in pairs}
        yield Seen(
            message.partition() or 0,
            message.offset() or 0,
            message.key(),
            message.value(),
            headers,
        )


def numbers(seen: Iterable[Seen]) -> list[int]:
    return [int(one.value or b"-1") for one in seen]


def assert_once_and_in_order(bootstrap: str, topic: str, written: Sequence[int]) -> None:
    """Every number once, and in each partition in the order of the outbox."""
    seen = read_committed(bootstrap, topic)
    assert sorted(numbers(seen)) == sorted(written)
    for partition in {one.partition for one in seen}:
        of_it = numbers(one for one in seen if one.partition == partition)
        assert of_it == sorted(of_it)


def produce(
    bootstrap: str,
    topic: str,
    values: Sequence[bytes],
    key: bytes = b"k",
    *,
    partition: int = 0,
    outbox_id: str | None = None,
) -> None:
    """As any producer would, or as if the row with this id said so."""
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    headers: dict[str, str | bytes | None] = {} if outbox_id is None else {"outbox_id": outbox_id}
    for value in values:
        producer.produce(topic, value, key, partition, headers=headers)
    assert producer.flush(KAFKA_WITHIN_S) == 0


def delete_topic(bootstrap: str, topic: str) -> None:
    """And return when no broker knows it any more."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    admin.delete_topics([topic], operation_timeout=KAFKA_WITHIN_S)[topic].result(KAFKA_WITHIN_S)


def delete_records(bootstrap: str, topic: str, before: int) -> None:
    """As retention does, in partition 0."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    place = TopicPartition(topic, 0, before)
    for deleted in admin.delete_records([place]).values():
        deleted.result(KAFKA_WITHIN_S)


def forget_the_end(dsn: str, bootstrap: str, lane: Lane, *, after: int, up_to: int) -> None:
    """As if it were not known what became of the transaction with rows (after, up_to]."""
    publisher = TransactionalPublisher(
        bootstrap, lane.transactional_id, lane.position_topic, lane.shard
    )
    publisher.publish((), RelayPosition(after, ask(dsn, "SELECT id FROM incarnation")))
    publisher.close()
    database = connect(dsn, "tests")
    try:
        relay_state.note_undecided(database, lane.shard, up_to)
    finally:
        database.close()


def no_schemas(_topic: str, _text: str) -> int | None:
    raise AssertionError("no schema was to be asked for")


def make_relay(
    dsn: str,
    bootstrap: str,
    lane: Lane,
    *,
    limits: Limits | None = None,
    id_of: Callable[[str, str], int | None] = no_schemas,
    versions: Mapping[str, Sequence[str]] | None = None,
) -> Relay:
    prefixes = SchemaPrefixes(id_of, versions or {})
    return Relay(Ends(dsn, bootstrap), prefixes, Event(), lane=lane, limits=limits)


@contextmanager
def relay_of(dsn: str, bootstrap: str, lane: Lane, limits: Limits | None = None) -> Iterator[Relay]:
    """A relay that the test turns by hand."""
    relay = make_relay(dsn, bootstrap, lane, limits=limits)
    try:
        yield relay
    finally:
        relay.recover()


def turn_until(
    relay: Relay, dsn: str, last: int, turns_max: int = 200, of_shard: int | None = None
) -> None:
    """Until Postgres says that `last` is published; failures in between count as turns."""
    for _ in range(turns_max):
        try:
            relay.turn()
        except Unavailable as error:
            relay.recover(error)
        if progress(dsn, of_shard) >= last:
            return
    raise AssertionError(f"published up to {progress(dsn)}, not {last}, after {turns_max} turns")


@dataclass(slots=True)
class Turning:
    """A relay that turns in a thread until the block is left; what ended it early is in `end`."""

    relay: Relay
    end: GamificationError | None = None
    _stop: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self.relay.turn()
                except Unavailable as error:
                    self.relay.recover(error)
                    self._stop.wait(0.05)
        except GamificationError as error:
            self.end = error
        finally:
            self.relay.recover()
