"""What people may ask of the relay, and the one thing that they may tell it: where to go on.

Needed when Kafka and Postgres contradict each other and the relay has stopped itself: only a
person can find out what was announced.
"""

from dataclasses import dataclass

from gamification.adapters.kafka.position import RelayPosition, read
from gamification.adapters.kafka.publisher import TransactionalPublisher
from gamification.adapters.postgres import outbox_reader, relay_state
from gamification.adapters.postgres.relay_state import Known
from gamification.application.relay import NAME
from gamification.application.relay_lanes import Ends, Lane
from gamification.application.relay_start import resume_after
from gamification.domain.errors import Halt

IDLE_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the relay is, by each of the two who know."""

    kafka: RelayPosition | None
    postgres: Known
    waiting: int
    """Rows that follow (gaps counted too)."""
    oldest_s: float
    """How long the first of them waits; 0 when there is none."""
    problem: str | None
    """Why a relay would not start now; None when it would."""


def standing(ends: Ends, lane: Lane) -> Standing:
    """Disturbs nobody. Raises Unavailable or Halt."""
    database = outbox_reader.open_reader(ends.postgres_dsn, f"{NAME}-show", IDLE_LIMIT_S)
    try:
        known = relay_state.known(database, lane.shard)
        found = read(ends.kafka_brokers, lane.position_topic, lane.shard).position
        after, problem = known.published, None
        try:
            after = resume_after(found, known, lane.name)
        except Halt as halt:
            problem = str(halt)
        waiting, oldest_s = outbox_reader.depth_and_age(database, after)
    finally:
        database.close()
    return Standing(found, known, waiting, oldest_s, problem)


def resume(ends: Ends, lane: Lane, after: int) -> RelayPosition:
    """Let the next relay go on after outbox id `after`; return what Kafka was told.

    Raises Halt while a relay runs or when no row with that id can have been; Unavailable.
    """
    database = outbox_reader.open_reader(ends.postgres_dsn, f"{NAME}-resume", IDLE_LIMIT_S)
    try:
        if not relay_state.try_to_lead(database, lane.shard):
            raise Halt("a relay is running: stop it first")
        known = relay_state.known(database, lane.shard)
        if not max(0, known.oldest_kept - 1) <= after <= known.allocated:
            raise Halt(
                f"{after}: the outbox can go on after {max(0, known.oldest_kept - 1)} to "
                f"{known.allocated}"
            )
        publisher = TransactionalPublisher(
            ends.kafka_brokers, lane.transactional_id, lane.position_topic, lane.shard
        )
        try:
            position = RelayPosition(after, known.incarnation)
            publisher.undo(lane.own(outbox_reader.topics(database)), position)
            publisher.publish((), position)
        finally:
            publisher.close()
        relay_state.store_progress(database, lane.shard, after)
        relay_state.note_undecided(database, lane.shard, 0)  # who said so has looked
    finally:
        database.close()
    return position
