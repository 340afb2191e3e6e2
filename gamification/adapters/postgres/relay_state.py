"""Who relays, how far the relay is as Postgres knows it, and what the outbox still holds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gamification.adapters.postgres import partitions
from gamification.adapters.postgres.connection import Database, transaction
from gamification.adapters.postgres.errors import translated

TABLE: Final = "outbox"
PARTITION_ROWS: Final = 1_000_000
PARTITIONS_AHEAD: Final = 8
"""Ids for 400 s at 20,000 rows a second, should nobody look after the table."""

LOCK: Final = "gamification_relay"
LEAD: Final = "SELECT pg_try_advisory_lock(hashtext(%s), %s)"

KNOWN: Final = """
    SELECT (SELECT id::text FROM incarnation),
           coalesce((SELECT last_id FROM relay_progress WHERE shard = %(shard)s), 0),
           coalesce((SELECT undecided_up_to FROM relay_progress WHERE shard = %(shard)s), 0),
           (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM outbox_id_seq)
"""

STORE: Final = """
    INSERT INTO relay_progress AS known (shard, last_id, published_at)
    VALUES (%(shard)s, %(last_id)s, clock_timestamp())
    ON CONFLICT (shard) DO UPDATE
       SET last_id = excluded.last_id,
           published_at = CASE WHEN %(published)s THEN excluded.published_at
                               ELSE known.published_at END
"""

NOTE_UNDECIDED: Final = """
    INSERT INTO relay_progress AS known (shard, last_id, undecided_up_to)
    VALUES (%(shard)s, 0, %(up_to)s)
    ON CONFLICT (shard) DO UPDATE SET undecided_up_to = excluded.undecided_up_to
"""

PUBLISHED_BY: Final = """
    SELECT min(coalesce(last_id, 0))
      FROM unnest(%s::int[]) AS asked(shard) LEFT JOIN relay_progress USING (shard)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What Postgres knows, to compare with Kafka's position."""

    incarnation: str
    """Tells this database from one made anew."""
    published: int
    """The last id that a relay said it published; 0: none ever."""
    undecided_up_to: int
    """Rows up to this id may be in Kafka although its position is smaller."""
    allocated: int
    """The largest id ever given to a row; 0: none ever."""
    oldest_kept: int
    """The first id that the oldest partition may hold."""


def try_to_lead(database: Database, shard: int) -> bool:
    """Take the lock that one relay holds; the server gives it back when the connection ends.

    Two relays would do no harm, Kafka fences the older one; this only keeps them from fencing
    each other in turn. Holding it twice on one connection is harmless. Raises Unavailable or
    Halt.
    """
    with translated():
        row = database.execute(LEAD, (LOCK, shard)).fetchone()
    return bool(row and row[0])


def known(database: Database, shard: int) -> Known:
    """Raises Unavailable or Halt."""
    with translated():
        row = database.execute(KNOWN, {"shard": shard}).fetchone()
    incarnation, published, undecided_up_to, allocated = row or ("", 0, 0, 0)
    return Known(
        incarnation=incarnation,
        published=published,
        undecided_up_to=undecided_up_to,
        allocated=allocated,
        oldest_kept=partitions.oldest_id(database, TABLE),
    )


def store_progress(database: Database, shard: int, last_id: int, *, published: bool = True) -> None:
    """Say how far the relay is: for people and `reconcile`. Raises Unavailable or Halt.

    `published`: rows were, just now; else the position only moved.
    """
    said = {"shard": shard, "last_id": last_id, "published": published}
    with translated():
        database.execute(STORE, said, prepare=True)


def note_undecided(database: Database, shard: int, up_to: int) -> None:
    """Remember for sure that rows up to this id may be in Kafka. Raises Unavailable or Halt."""
    with transaction(database):
        database.execute("SET LOCAL synchronous_commit = on")
        database.execute(NOTE_UNDECIDED, {"shard": shard, "up_to": up_to})


def published_by(database: Database, shards: Sequence[int]) -> int | float:
    """Up to which id all of these are, as Postgres knows it. Raises Unavailable or Halt.

    0 when one of them never said anything, infinity when there are none to ask.
    """
    if not shards:
        return math.inf
    with translated():
        row = database.execute(PUBLISHED_BY, (list(shards),)).fetchone()
    return int(row[0]) if row else 0


def ensure_partitions(database: Database) -> int:
    """Make the partitions of the next ids; return how many. Raises Unavailable or Halt."""
    return partitions.ensure(database, TABLE, PARTITION_ROWS, PARTITIONS_AHEAD)


def drop_published_partitions(
    database: Database, published_id: float, keep_hours: int
) -> list[str]:
    """Drop whole partitions in which every row is published and older than `keep_hours`.

    `published_id` is no guess: what Kafka says was announced. Returns the names
    dropped. Raises Unavailable or Halt. Not inside a transaction.
    """
    return partitions.drop_consumed(database, TABLE, published_id, keep_hours)
