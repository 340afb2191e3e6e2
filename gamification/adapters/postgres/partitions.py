"""Tables that only grow at one end: make partitions ahead of the ids, drop what was consumed.

A partition is named `<parent>_<first id in it>`. Nobody who inserts waits for either.
"""

from itertools import pairwise
from typing import Final

from psycopg import sql

from gamification.adapters.postgres.connection import Database
from gamification.adapters.postgres.errors import translated

ENSURE: Final = "SELECT ensure_partitions(%s, %s, %s)"

ATTACHED: Final = """
    SELECT c.relname, i.inhdetachpending
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = %s::regclass
"""

DETACHED: Final = r"""
    SELECT c.relname
      FROM pg_class c
     WHERE c.relkind = 'r'
       AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = %(parent)s::regclass)
       AND c.relname ~ ('^' || %(parent)s || '_\d+$')
       AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
"""

LAST_AGE: Final = """
    SELECT extract(epoch FROM clock_timestamp() - created_at)::float8
      FROM {part} ORDER BY id DESC LIMIT 1
"""

SECONDS_PER_HOUR: Final = 3600


def ensure(database: Database, parent: str, rows_each: int, ahead: int) -> int:
    """Make the partitions for the next `ahead * rows_each` ids; return how many were missing.

    Raises Unavailable or Halt.
    """
    with translated():
        row = database.execute(ENSURE, (parent, rows_each, ahead)).fetchone()
    return int(row[0]) if row else 0


def ahead(database: Database, parent: str) -> int:
    """How many partitions no id has reached yet. Raises Unavailable or Halt."""
    firsts = [_first_id(part) for part, _ in _attached(database, parent)]
    statement = sql.SQL("SELECT last_value FROM {}").format(sql.Identifier(f"{parent}_id_seq"))
    with translated():
        row = database.execute(statement).fetchone()
    last_id = int(row[0]) if row else 0
    return sum(1 for first in firsts if first > last_id)


def oldest_id(database: Database, parent: str) -> int:
    """The first id that the oldest partition may hold. Raises Unavailable or Halt."""
    return min((_first_id(part) for part, _ in _attached(database, parent)), default=0)


def drop_consumed(database: Database, parent: str, position: float, keep_hours: int) -> list[str]:
    """Drop partitions that hold only ids below `position`, all older than `keep_hours`.

    The partition with the position itself stays, so the newest id never falls below it. Detached
    first, without blocking anybody; an interrupted drop is finished by the next call. Returns the
    names dropped. Raises Unavailable or Halt. Not inside a transaction.
    """
    parts = _attached(database, parent)
    dropped: list[str] = []
    for (part, pending), (following, _) in pairwise(parts):
        if pending:
            _detach(database, parent, part, "FINALIZE")
        elif _first_id(following) <= position and _is_old(database, part, keep_hours):
            _detach(database, parent, part, "CONCURRENTLY")
        else:
            break  # ids grow with time: what follows is younger
    with translated():
        for (part,) in database.execute(DETACHED, {"parent": parent}).fetchall():
            database.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(part)))
            dropped.append(part)
    return dropped


def _attached(database: Database, parent: str) -> list[tuple[str, bool]]:
    with translated():
        rows = database.execute(ATTACHED, (parent,)).fetchall()
    return sorted(((row[0], row[1]) for row in rows), key=lambda row: _first_id(row[0]))


def _first_id(part: str) -> int:
    return int(part.rpartition("_")[2])


def _is_old(database: Database, part: str, keep_hours: int) -> bool:
    """An empty partition whose ids were all passed over is old."""
    statement = sql.SQL(LAST_AGE).format(part=sql.Identifier(part))
    with translated():
        row = database.execute(statement).fetchone()
    return row is None or row[0] > keep_hours * SECONDS_PER_HOUR


def _detach(database: Database, parent: str, part: str, how: str) -> None:
    statement = sql.SQL("ALTER TABLE {} DETACH PARTITION {} {}")
    with translated():
        database.execute(
            statement.format(sql.Identifier(parent), sql.Identifier(part), sql.SQL(how))
        )
