"""How far each partition has been counted. Moving it is also the fence.

The first statement of a batch's transaction moves the offsets by compare-and-swap: a worker that
lost a partition without noticing fails there, before it has touched anything else.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from gamification.adapters.postgres.arrays import bigints, ints, texts
from gamification.adapters.postgres.connection import Database
from gamification.adapters.postgres.errors import translated
from gamification.adapters.postgres.session import EngineSession, Tx
from gamification.domain.errors import PartitionLost

Partition = tuple[str, int]

ADVANCE: Final = """
    WITH moved AS (
        UPDATE consumer_offsets AS kept
           SET next_offset = wanted.next_offset
          FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::bigint[])
               AS wanted (topic, partition, expected, next_offset)
         WHERE kept.consumer = %b::text
           AND kept.topic = wanted.topic
           AND kept.partition = wanted.partition
           AND kept.next_offset = wanted.expected
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM moved), (SELECT number FROM generation)
"""

CREATE_MISSING: Final = """
    INSERT INTO consumer_offsets (consumer, topic, partition, next_offset)
    SELECT %b::text, topic, partition, first_offset
      FROM unnest(%b::text[], %b::int[], %b::bigint[]) AS t (topic, partition, first_offset)
     ORDER BY topic, partition
    ON CONFLICT DO NOTHING
"""

READ: Final = """
    SELECT kept.topic, kept.partition, kept.next_offset
      FROM unnest(%b::text[], %b::int[]) AS wanted (topic, partition)
      JOIN consumer_offsets AS kept
        ON kept.consumer = %b::text
       AND kept.topic = wanted.topic
       AND kept.partition = wanted.partition
"""


STORED: Final = "SELECT topic, partition, next_offset FROM consumer_offsets WHERE consumer = %s"


def stored(database: Database, consumer: str) -> dict[Partition, int]:
    """Every partition that was ever counted. Raises Unavailable or Halt."""
    with translated():
        rows = database.execute(STORED, (consumer,)).fetchall()
    return {(topic, partition): offset for topic, partition, offset in rows}


def advance(
    tx: Tx, consumer: str, expected: Mapping[Partition, int], next_offsets: Mapping[Partition, int]
) -> int:
    """Compare and swap; return the generation of rules and merchants as this transaction sees it.

    `expected` is what this worker stored last, not the offset of its first record: transaction
    markers leave gaps between records. Raises PartitionLost when any row is not as we left it.
    """
    places = sorted(next_offsets)
    tx.execute(
        ADVANCE,
        (
            texts([topic for topic, _ in places]),
            ints([partition for _, partition in places]),
            bigints([expected[place] for place in places]),
            bigints([next_offsets[place] for place in places]),
            consumer,
        ),
    )
    row = tx.fetchone()
    moved, generation = row if row is not None else (0, 0)
    if moved != len(places):
        raise PartitionLost(f"{len(places) - moved} of {len(places)} partitions were moved on")
    return int(generation)


def start(
    session: EngineSession, consumer: str, first_offsets: Mapping[Partition, int]
) -> dict[Partition, int]:
    """Where to read on, by partition; partitions never counted before start at `first_offsets`."""
    places: Sequence[Partition] = sorted(first_offsets)
    topics = texts([topic for topic, _ in places])
    partitions = ints([partition for _, partition in places])
    with session.transaction() as tx:
        firsts = bigints([first_offsets[place] for place in places])
        tx.execute(CREATE_MISSING, (consumer, topics, partitions, firsts))
        tx.execute(READ, (topics, partitions, consumer))
        return {(topic, partition): offset for topic, partition, offset in tx.fetchall()}
