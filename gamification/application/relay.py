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
from gamification.adapters.postgres.outbox_reader import Entry, Window
from gamification.adapters.postgres.relay_state import Known
from gamification.adapters.postgres.wakeup import Channel, Wakeup
from gamification.application.announced import Site
from gamification.application.relay_lanes import Ends, Lane, Limits
from gamification.application.relay_messages import Composer, sources, until_missing
from gamification.application.relay_repair import repair
from gamification.application.relay_schemas import SchemaPrefixes
from gamification.application.relay_start import resume_after
from gamification.application.relay_upkeep import Upkeep, count, measure, stand_by
from gamification.domain.errors import GamificationError, Halt, Unavailable
from gamification.telemetry import logs
from gamification.telemetry.killpoints import reached

NAME: Final = "gamification-relay"

WAIT_S: Final = 0.25
"""A lost notification costs this much, never a row."""
BACKLOG_ROWS: Final = 2_000
BACKLOG_GATHER_S: Final = 0.25
"""While that many rows come at once nobody waits for a single one: gather more of them."""
STANDBY_S: Final = 0.5
log = logs.get("relay")


@dataclass(slots=True)
class _Session:
    """What is open while we lead. Thrown away as a whole after any failure."""

    wakeup: Wakeup
    others: list[int]
    """Codes of topics that other lanes publish."""
    publisher: TransactionalPublisher
    composer: Composer
    position: RelayPosition
    upkeep: Upkeep
    seen: int
    """Up to which id we looked; `position` is committed, and may be behind rows of other lanes."""
    announced: frozenset[int]
    """Rows after the position that were published already, see `relay_repair`; mostly none."""
    published_at: float = 0.0


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
        window = outbox_reader.read_after(
            self._database, session.seen, self._rows_max, session.others
        )
        read_on = window.looked_at == self._rows_max
        if window.entries:
            read_on = self._publish(session, self._database, window, started_at)
            if self._session is None:
                return
            session.published_at = started_at
        else:
            session.seen = window.up_to
        session.position = session.upkeep.turn(
            self._database, session.publisher, session.position, session.seen
        )
        if not read_on:
            self._wait(session, window.looked_at)

    def _wait(self, session: _Session, looked_at: int) -> None:
        """Until there may be something to publish, or until it is time to look again."""
        # Each transaction costs the broker a record and a marker in every partition that it
        # touches: with a backlog few large ones take half of what many small ones do.
        gather_s = BACKLOG_GATHER_S if looked_at >= BACKLOG_ROWS else self._limits.gather_s
        left_s = session.published_at + gather_s - time.monotonic()
        if left_s > 0:
            self._stop.wait(left_s)
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
            stand_by(self._lane)
            self._stop.wait(STANDBY_S)
            return None
        # Postgres before Kafka: what it knows was in Kafka first, so it can only know less. And
        # while Kafka is away, people must see what piles up.
        known = relay_state.known(self._database, self._lane.shard)
        measure(self._database, self._lane.name, known.published)
        self._prefixes.resolve()
        self._go_on_or_stop()
        topics = outbox_reader.topics(self._database)
        composer = Composer(topics, self._prefixes, known.incarnation)
        wakeup = Wakeup(self._ends.postgres_dsn, Channel.OUTBOX)
        publisher: TransactionalPublisher | None = None
        try:
            publisher = TransactionalPublisher(
                self._ends.kafka_brokers,
                self._lane.transactional_id,
                self._lane.position_topic,
                self._lane.shard,
            )
            site = Site(self._ends.kafka_brokers, self._lane, self._database, topics)
            position, announced = self._resume(site, publisher, known)
        except GamificationError:
            wakeup.close()
            if publisher is not None:
                publisher.close()
            raise
        self._session = _Session(
            wakeup=wakeup,
            others=self._lane.of_others(topics),
            publisher=publisher,
            composer=composer,
            position=position,
            upkeep=Upkeep(self._ends.postgres_dsn, self._lane, self._limits),
            seen=position.last_id,
            announced=announced,
        )
        self._problem = None
        log.info("relay_leads", lane=self._lane.name, after=position.last_id)
        return self._session

    def _resume(
        self, site: Site, publisher: TransactionalPublisher, known: Known
    ) -> tuple[RelayPosition, frozenset[int]]:
        """Where to go on, said once more to Kafka and to Postgres; and what to leave out then.

        Raises Unavailable or Halt.
        """
        self._go_on_or_stop()
        found, known, announced = repair(site, publisher, publisher.position(), known)
        after = resume_after(found, known, self._lane.name)
        if found is not None and found.incarnation != known.incarnation:
            log.warning("relay_begins_anew", other_database=found.incarnation)
        position = RelayPosition(after, known.incarnation)
        self._go_on_or_stop()
        publisher.publish((), position)
        relay_state.store_progress(site.database, self._lane.shard, after, published=False)
        return position, announced

    def _go_on_or_stop(self) -> None:
        """Between steps that may each take seconds while somebody is away."""
        if self._stop.is_set():
            raise Unavailable("asked to stop")

    def _publish(
        self, session: _Session, database: Database, window: Window, started_at: float
    ) -> bool:
        """One transaction of what was read. False when nothing more is known to wait."""
        asked = self._rows_max
        rows = window.entries
        by_reference = sources(rows)
        found = originals.fetch(self._ends.kafka_brokers, by_reference) if by_reference else {}
        entries = until_missing(rows, found)
        whole = len(entries) == len(rows)
        up_to = window.up_to if whole else entries[-1].id
        if session.announced:
            entries = [entry for entry in entries if entry.id not in session.announced]
        messages = session.composer.compose(entries, found, self._too_large)
        position = session.position.followed_by(up_to)
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
        session.seen = up_to
        session.upkeep.committed()
        self._rows_max = min(self._limits.rows_max, 2 * asked)
        self._too_large = frozenset()
        relay_state.store_progress(database, self._lane.shard, up_to)
        reached("relay.after_progress")
        count(entries, session.composer.topics, time.monotonic() - started_at)
        return window.looked_at == asked or not whole

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
