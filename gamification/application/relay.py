"""The outbox -> Kafka, each row once for a reader of committed records, in the outbox's order.

How far we are is committed by Kafka together with what was published, so the relay may die
anywhere. After any failure it forgets everything, takes over from itself like a stranger and goes
on from Kafka's word.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import Final

from gamification.adapters.kafka import originals
from gamification.adapters.kafka.position import RelayPosition
from gamification.adapters.kafka.publish_errors import Unproducible
from gamification.adapters.kafka.publisher import Message, TransactionalPublisher
from gamification.adapters.postgres import outbox_reader, relay_state
from gamification.adapters.postgres.connection import Database
from gamification.adapters.postgres.outbox_reader import Entry
from gamification.adapters.postgres.relay_state import Known
from gamification.adapters.postgres.wakeup import Channel, Wakeup
from gamification.application.relay_messages import Composer, sources, until_missing
from gamification.application.relay_schemas import SchemaPrefixes
from gamification.application.relay_start import resume_after
from gamification.application.relay_upkeep import Upkeep, count, measure, stand_by
from gamification.domain.errors import GamificationError, Halt, Unavailable
from gamification.telemetry import logs
from gamification.telemetry.killpoints import reached

NAME: Final = "gamification-relay"

WAIT_S: Final = 0.25
"""A lost notification costs this much, never a row."""
GATHER_FROM_ROWS: Final = 2_000
GATHER_S: Final = 0.25
"""While that many rows come at once nobody waits for a single one: gather more of them."""
STANDBY_S: Final = 0.5
log = logs.get("relay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The names by which one relay, its predecessors and its stand-ins know each other."""

    shard: int = 0
    transactional_id: str = "gamification.relay.0"
    position_topic: str = "gamification.relay"
    position_group: str = "gamification.relay.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much at once, and how long."""

    rows_max: int = 5_000
    keep_hours: int = 24
    """Published rows are kept for at least this long."""
    idle_limit_s: int = 20
    """A relay that says nothing to Postgres for this long loses its leadership."""
    recommit_every_s: float = 3600.0
    """Kafka forgets the offsets of a group that committed nothing for 7 days."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What the relay reads from, and what it writes to."""

    postgres_dsn: str
    kafka_brokers: str


@dataclass(slots=True)
class _Session:
    """What is open while we lead. Thrown away as a whole after any failure."""

    wakeup: Wakeup
    publisher: TransactionalPublisher
    composer: Composer
    position: RelayPosition
    upkeep: Upkeep


class Relay:
    """Call `turn` again and again; after Unavailable call `recover` first. For one thread."""

    def __init__(
        self,
        ends: Ends,
        prefixes: SchemaPrefixes,
        stop: Event,
        *,
        lane: Lane | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._ends = ends
        self._prefixes = prefixes
        self._stop = stop
        self._lane = lane or Lane()
        self._limits = limits or Limits()
        self._database: Database | None = None
        self._session: _Session | None = None
        self._rows_max = self._limits.rows_max
        self._too_large: frozenset[int] = frozenset()
        self._problem: str | None = "starting"

    @property
    def is_leading(self) -> bool:
        """Whether this is the one that publishes; another one stands by."""
        return self._session is not None

    def check(self) -> None:
        """For /ready, from any thread. Raises Unavailable with what is wrong."""
        if self._problem is not None:
            raise Unavailable(self._problem)

    def turn(self) -> None:
        """One transaction, or a short wait for something to publish. Raises Unavailable or Halt."""
        session = self._session or self._open()
        if session is None or self._database is None:
            return
        started_at = time.monotonic()
        entries = outbox_reader.read_after(self._database, session.position.last_id, self._rows_max)
        read_on = bool(entries) and self._publish(session, self._database, entries, started_at)
        if self._session is None:
            return
        session.upkeep.turn(self._database, session.publisher, session.position)
        if read_on:
            return
        if len(entries) >= GATHER_FROM_ROWS:
            # Each transaction costs the broker a record and a marker in every partition that it
            # touches: with a backlog few large ones take half of what many small ones do.
            self._stop.wait(GATHER_S)
        else:
            session.wakeup.wait(WAIT_S)

    def recover(self, error: Unavailable | None = None) -> None:
        """Close everything and forget what is no longer sure."""
        self._problem = str(error) if error is not None else "starting"
        session, self._session = self._session, None
        database, self._database = self._database, None
        if session is not None:
            session.publisher.close()
            session.wakeup.close()
        if database is not None:
            database.close()

    def _open(self) -> _Session | None:
        """Take the lead and learn from Kafka where to go on. None: another relay leads."""
        if self._database is None:
            self._database = outbox_reader.open_reader(
                self._ends.postgres_dsn, NAME, self._limits.idle_limit_s
            )
        if not relay_state.try_to_lead(self._database, self._lane.shard):
            self._problem = None
            stand_by()
            self._stop.wait(STANDBY_S)
            return None
        # Postgres before Kafka: what it knows was in Kafka first, so it can only know less. And
        # while Kafka is away, people must see what piles up.
        known = relay_state.known(self._database, self._lane.shard)
        measure(self._database, known.published)
        self._prefixes.resolve()
        self._go_on_or_stop()
        wakeup = Wakeup(self._ends.postgres_dsn, Channel.OUTBOX)
        publisher: TransactionalPublisher | None = None
        try:
            publisher = TransactionalPublisher(
                self._ends.kafka_brokers,
                self._lane.transactional_id,
                self._lane.position_topic,
                self._lane.position_group,
            )
            position = self._resume(self._database, publisher, known)
        except GamificationError:
            wakeup.close()
            if publisher is not None:
                publisher.close()
            raise
        composer = Composer(outbox_reader.topics(self._database), self._prefixes)
        upkeep = Upkeep(
            self._ends.postgres_dsn, self._limits.keep_hours, self._limits.recommit_every_s
        )
        self._session = _Session(wakeup, publisher, composer, position, upkeep)
        self._problem = None
        log.info("relay_leads", shard=self._lane.shard, after=position.last_id)
        return self._session

    def _resume(
        self, database: Database, publisher: TransactionalPublisher, known: Known
    ) -> RelayPosition:
        """Where to go on, said once more to Kafka and to Postgres. Raises Unavailable or Halt."""
        self._go_on_or_stop()
        found = publisher.position()
        after = resume_after(found, known)
        if found is not None and found.incarnation != known.incarnation:
            log.warning("relay_begins_anew", other_database=found.incarnation)
        position = RelayPosition(after, known.incarnation)
        self._go_on_or_stop()
        publisher.publish((), position)
        if after:
            relay_state.store_progress(database, self._lane.shard, after)
        return position

    def _go_on_or_stop(self) -> None:
        """Between steps that may each take seconds while somebody is away."""
        if self._stop.is_set():
            raise Unavailable("asked to stop")

    def _publish(
        self, session: _Session, database: Database, rows: Sequence[Entry], started_at: float
    ) -> bool:
        """One transaction of what was read. False when nothing more is known to wait."""
        asked = self._rows_max
        by_reference = sources(rows)
        found = originals.fetch(self._ends.kafka_brokers, by_reference) if by_reference else {}
        entries = until_missing(rows, found)
        messages = session.composer.compose(entries, found, self._too_large)
        position = RelayPosition(entries[-1].id, session.position.incarnation)
        reached("relay.after_read")
        try:
            session.publisher.publish(messages, position)
        except Unproducible as error:
            self._narrow_down(session, entries, messages, error)
            return True
        except Unavailable:
            # Perhaps it was too much for the time that a transaction may take.
            self._rows_max = max(1, len(entries) // 2)
            raise
        reached("relay.after_kafka_commit")
        session.position = position
        session.upkeep.committed()
        self._rows_max = min(self._limits.rows_max, 2 * asked)
        self._too_large = frozenset()
        relay_state.store_progress(database, self._lane.shard, position.last_id)
        reached("relay.after_progress")
        count(entries, session.composer.topics, time.monotonic() - started_at)
        # Letters: what was read may have been cut short because of their size.
        return len(rows) == asked or any(entry.letter is not None for entry in rows)

    def _narrow_down(
        self,
        session: _Session,
        entries: Sequence[Entry],
        messages: Sequence[Message],
        error: Unproducible,
    ) -> None:
        """Find the one row that Kafka does not take, by publishing smaller and smaller parts.

        The largest is suspected first: what comes before it is published without it. A letter is
        then published without its bytes, which says so; a fact must not be changed or left out,
        so it stops us. Raises Halt.
        """
        self.recover(Unavailable(str(error)))
        if len(entries) > 1:
            sizes = [len(message.value or b"") for message in messages]
            self._rows_max = sizes.index(max(sizes)) or 1
            return
        [entry] = entries
        topic = session.composer.topic(entry)
        if entry.letter is None or entry.id in self._too_large:
            raise Halt(
                f"outbox row {entry.id}: {topic} does not take it ({error}). Nothing after it is "
                f"published before it is. Raise the topic's max.message.bytes above "
                f"{len(messages[0].value or b'')}, or make it as python -m cli.topics plans it"
            ) from error
        log.error("letter_without_bytes", outbox_id=entry.id, topic=topic, reason=str(error))
        self._too_large = frozenset({entry.id})
