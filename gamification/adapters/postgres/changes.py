"""Follow table `changes`: what is new after a position, and whether all of it is still there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gamification.adapters.postgres.connection import Database
from gamification.adapters.postgres.errors import translated
from gamification.adapters.postgres.partitions import oldest_id

TABLE: Final = "changes"

ROWS_MAX: Final = 1_000
"""Change rows of one round; one row is one transaction of an award worker."""

NEXT: Final = """
    SELECT id, size, age_s
      FROM (SELECT id,
                   cardinality(customer_ids) AS size,
                   extract(epoch FROM clock_timestamp() - created_at)::float8 AS age_s,
                   sum(cardinality(customer_ids)) OVER (ORDER BY id) AS running
              FROM (SELECT id, customer_ids, created_at
                      FROM changes
                     WHERE id > %(after)s
                     ORDER BY id
                     LIMIT %(rows_max)s) AS following) AS measured
     WHERE running - size < %(items_max)s
     ORDER BY id
"""

NEWEST: Final = "SELECT id FROM changes ORDER BY id DESC LIMIT 1"

BACKLOG: Final = """
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
      FROM (SELECT created_at FROM changes WHERE id > %(after)s ORDER BY id LIMIT %(rows_max)s) AS o
"""

INCARNATION: Final = "SELECT id::text FROM incarnation"

LOCK: Final = "gamification_project"
LEAD: Final = "SELECT pg_try_advisory_lock(hashtext(%s), 0)"


@dataclass(frozen=True, slots=True)
class Round:
    """Change rows to project together: all with `after < id <= until`."""

    after: int
    until: int
    items: int
    """Changes in them, before the same customer's are merged."""
    ages_s: Sequence[float]
    """How long ago each row's transaction began, when the round was read."""


def try_to_lead(database: Database) -> bool:
    """Take the lock that one projection holds; it is given back when the connection ends.

    Holding it twice on one connection is harmless. Raises Unavailable or Halt.
    """
    with translated():
        row = database.execute(LEAD, (LOCK,)).fetchone()
    return bool(row and row[0])


def incarnation(database: Database) -> str:
    """Tells this database from one made anew. Raises Unavailable or Halt."""
    with translated():
        row = database.execute(INCARNATION).fetchone()
    return str(row[0]) if row else ""


def newest(database: Database) -> int:
    """Id of the last committed change; 0 when there never was one. Raises Unavailable or Halt.

    Totals that are read after this hold at least all changes up to it.
    """
    with translated():
        row = database.execute(NEWEST).fetchone()
    return int(row[0]) if row else 0


def is_retained(database: Database, after: int) -> bool:
    """Whether no row with an id above `after` was dropped. Raises Unavailable or Halt."""
    return after + 1 >= oldest_id(database, TABLE)


def next_round(database: Database, after: int, items_max: int) -> Round | None:
    """What follows `after`: whole rows, about `items_max` changes, at least one row. None if none.

    Ids are in the order of commits, so nothing can appear later below one that was read. Raises
    Unavailable or Halt.
    """
    with translated():
        asked = {"after": after, "rows_max": ROWS_MAX, "items_max": items_max}
        rows = database.execute(NEXT, asked, binary=True).fetchall()
    if not rows:
        return None
    return Round(after, rows[-1][0], sum(row[1] for row in rows), [row[2] for row in rows])


def backlog(database: Database, after: int) -> tuple[int, float]:
    """Rows after `after` (counted up to ROWS_MAX) and the age of the oldest, in seconds."""
    with translated():
        row = database.execute(BACKLOG, {"after": after, "rows_max": ROWS_MAX}).fetchone()
    return (row[0], row[1]) if row else (0, 0.0)
