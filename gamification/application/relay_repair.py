"""A transaction that Kafka forgot to end: what of it was announced, and what is still to be.

A broker that was killed and starts again may find that a partition has no leader just when it is
to write the end of a transaction there, take the partition for deleted and leave the end out (seen
with Kafka 4.3.1: "likely deleted already and hence can be skipped"). That happens where all
replicas of a partition were away, so always with a single broker. The transaction then counts as
over, though in some of its partitions, or in all, nobody can read its records, nor what follows.

Whether it was to be committed is no longer known. So we abort what is left of it, look which of its
rows readers see all the same, and publish the others. In each partition its records share one fate;
so their order stays that of the outbox.
"""

from dataclasses import replace
from typing import NamedTuple

from gamification.adapters.kafka import visible
from gamification.adapters.kafka.position import Found, RelayPosition
from gamification.adapters.kafka.publisher import TransactionalPublisher
from gamification.adapters.postgres import relay_state
from gamification.adapters.postgres.relay_state import Known
from gamification.application.announced import Site, look
from gamification.application.relay_start import resume_after
from gamification.telemetry import logs

log = logs.get("relay")


class Repaired(NamedTuple):
    """Where to go on, and what to leave out then."""

    position: RelayPosition | None
    """As Kafka has it now."""
    known: Known
    announced: frozenset[int]
    """Ids of rows after the position that readers see already."""


def repair(site: Site, publisher: TransactionalPublisher, found: Found, known: Known) -> Repaired:
    """End what is undecided and find out what is announced. Raises Unavailable or Halt.

    May be interrupted anywhere. What is to be looked at is noted in Postgres first; then Kafka's
    position goes back to where that begins; only then anything is undone.
    """
    lane, (position, undecided) = site.lane, found
    ours = position if position and position.incarnation == known.incarnation else None
    if ours is None and position is not None and known.published:
        return Repaired(position, known, frozenset())  # a contradiction, for a person to look at
    begin = ours.last_id if ours else 0
    up_to = known.undecided_up_to
    topics = lane.own(site.topics)
    hangs = undecided is not None or visible.hangs(site.brokers, topics)
    if undecided is not None and undecided.incarnation == known.incarnation:
        up_to = max(up_to, undecided.last_id)
    elif hangs and ours is not None and ours.after is not None:
        # The last transaction, or the one before, was ended where the position is but not
        # everywhere.
        begin, up_to = ours.after, max(up_to, ours.last_id)
    if not hangs and up_to <= begin:
        return Repaired(position, known, frozenset())
    if up_to > known.allocated:  # before anything is written: raises
        resume_after(RelayPosition(up_to, known.incarnation), known, lane.name)
    log.error("relay_undecided", lane=lane.name, after=begin, up_to=up_to)
    if up_to > known.undecided_up_to:
        relay_state.note_undecided(site.database, lane.shard, up_to)
        known = replace(known, undecided_up_to=up_to)
    back = RelayPosition(begin, known.incarnation)
    publisher.publish((), back)
    publisher.undo(topics, back)
    announced = look(site, known.incarnation, begin, up_to).announced
    log.warning("relay_repaired", lane=lane.name, after=begin, announced=len(announced))
    if known.published <= up_to:
        # Postgres remembers that it was published, as Kafka said; now it is not, or in part.
        known = replace(known, published=min(known.published, begin))
    return Repaired(back, known, announced)
