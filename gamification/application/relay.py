"""The outbox -> Kafka, each row once for a reader of committed records, in the outbox's order.

How far we are is committed by Kafka together with what was published, so the relay may die
anywhere. After any failure it forgets everything, takes over from itself like a stranger and goes
on from Kafka's word.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Final

from gamification.adapters.kafka import originals
from gamification.adapters.kafka.publish_errors import Unproducible
from gamification.adapters.kafka.publisher import RelayPosition, TransactionalPublisher
from gamification.adapters.postgres import outbox_reader, relay_state
from gamification.adapters.postgres.connection import Database, connect
from gamification.adapters.postgres.outbox_reader import Entry
from gamification.adapters.postgres.wakeup import Channel, Wakeup
from gamification.application.relay_messages import Composer, sources, until_missing
from gamification.application.relay_schemas import SchemaPrefixes
from gamification.application.relay_start import resume_after
from gamification.domain.errors import GamificationError, Halt, Unavailable
from gamification.telemetry import logs, metrics
from gamification.telemetry.killpoints import reached

NAME: Final = "gamification-relay"

WAIT_S: Final = 0.25
"""A lost notification costs this much, never a row."""
STANDBY_S: Final = 0.5
MEASURE_EVERY_S: Final = 1.0
ENSURE_EVERY_S: Final = 10.0
DROP_EVERY_S: Final = 60.0

UPKEEP_SETTINGS: Final = {"lock_timeout": "500ms"}
"""Looking after partitions never holds up who inserts, nor the relay itself, for longer."""

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
    committed_at: float
    measure_at: float = 0.0
    ensure_at: float = 0.0
    drop_at: float = 0.0


class Relay:
    """Call `turn` again and again; after Unavailable call `recover` first. For one thread."""

    def __init__(  # noqa: PLR0913 - each one is a thing of its own
        self,
        ends: Ends,
        prefixes: SchemaPrefixes,
        stop: Event,
        *,
        lane: Lane | None = None,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ends = ends
        self._prefixes = prefixes
        self._stop = stop
        self._lane = lane or Lane()
        self._limits = limits or Limits()
        self._clock = clock
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
        started_at = self._clock()
        entries = outbox_reader.read_after(self._database, session.position.last_id, self._rows_max)
        read_on = bool(entries) and self._publish(session, self._database, entries, started_at)
        if self._session is None:
            return
        self._keep_up(session, self._database)
        if not read_on:
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
            self._stop.wait(STANDBY_S)
            return None
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
            position = self._resume(self._database, publisher)
        except GamificationError:
            wakeup.close()
            if publisher is not None:
                publisher.close()
            raise
        composer = Composer(outbox_reader.topics(self._database), self._prefixes)
        self._session = _Session(wakeup, publisher, composer, position, self._clock())
        self._problem = None
        log.info("relay_leads", shard=self._lane.shard, after=position.last_id)
        return self._session

    def _resume(self, database: Database, publisher: TransactionalPublisher) -> RelayPosition:
        """Where to go on, said once more to Kafka and to Postgres. Raises Unavailable or Halt."""
        # Postgres first: what it knows was in Kafka before, so it can only know less.
        known = relay_state.known(database, self._lane.shard)
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
            self._narrow_down(session, entries, error)
            return True
        except Unavailable:
            # Perhaps it was too much for the time that a transaction may take.
            self._rows_max = max(1, len(entries) // 2)
            raise
        reached("relay.after_kafka_commit")
        session.position = position
        session.committed_at = self._clock()
        self._rows_max = min(self._limits.rows_max, 2 * asked)
        self._too_large = frozenset()
        relay_state.store_progress(database, self._lane.shard, position.last_id)
        reached("relay.after_progress")
        self._count(session, entries, self._clock() - started_at)
        # Letters: what was read may have been cut short because of their size.
        return len(rows) == asked or any(entry.letter is not None for entry in rows)

    def _narrow_down(
        self, session: _Session, entries: Sequence[Entry], error: Unproducible
    ) -> None:
        """Find the one row that Kafka does not take, by publishing ever smaller parts.

        A letter is then published without its bytes, which says so; a fact must not be changed
        or left out, so it stops us. Raises Halt.
        """
        self.recover(Unavailable(str(error)))
        if len(entries) > 1:
            self._rows_max = len(entries) // 2
            return
        [entry] = entries
        topic = session.composer.topic(entry)
        if entry.letter is None or entry.id in self._too_large:
            raise Halt(
                f"outbox row {entry.id}: {topic} does not take it ({error}). Nothing after it is "
                f"published before it is. Raise the topic's max.message.bytes above "
                f"{len(entry.value or b'')} bytes, or make it as python -m cli.topics plans it"
            ) from error
        log.error("letter_without_bytes", outbox_id=entry.id, topic=topic, reason=str(error))
        self._too_large = frozenset({entry.id})

    def _count(self, session: _Session, entries: Sequence[Entry], took_s: float) -> None:
        now_s = time.time()
        metrics.PUBLISH_DELAY.observe([now_s - entry.created_s for entry in entries])
        metrics.BATCH_ITEMS.observe(len(entries))
        metrics.BATCH_SECONDS.observe(took_s)
        for code, rows in Counter(entry.topic for entry in entries).items():
            metrics.PUBLISHED.labels(session.composer.topics[code]).inc(rows)

    def _keep_up(self, session: _Session, database: Database) -> None:
        """What is due besides publishing: figures, partitions, the position's freshness."""
        now = self._clock()
        if now >= session.measure_at:
            session.measure_at = now + MEASURE_EVERY_S
            rows, age_s = outbox_reader.depth_and_age(database, session.position.last_id)
            metrics.OUTBOX_ROWS.set(rows)
            metrics.OUTBOX_AGE.set(age_s)
        if now >= session.ensure_at:
            session.ensure_at = now + ENSURE_EVERY_S
            self._look_after_partitions(session, now)
        if now - session.committed_at >= self._limits.recommit_every_s:
            session.publisher.publish((), session.position)
            session.committed_at = now

    def _look_after_partitions(self, session: _Session, now: float) -> None:
        """On a connection that does not wait for locks; what did not work is tried again."""
        try:
            database = connect(self._ends.postgres_dsn, f"{NAME}-upkeep", UPKEEP_SETTINGS)
            try:
                relay_state.ensure_partitions(database)
                if now >= session.drop_at:
                    dropped = relay_state.drop_published_partitions(
                        database, session.position.last_id, self._limits.keep_hours
                    )
                    session.drop_at = now + DROP_EVERY_S
                    if dropped:
                        log.info("outbox_partitions_dropped", names=dropped)
            finally:
                database.close()
        except Unavailable as error:
            log.warning("outbox_upkeep_failed", reason=str(error))
