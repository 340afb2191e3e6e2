"""What the relay reads: outbox rows after a position, in the order of their commits.

Ids are in commit order (see `outbox.append`), may have gaps (rolled back transactions), and the
partitions of old ones may be gone; so the only question is "what follows this id".
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from gamification.adapters.postgres.connection import Database, connect
from gamification.adapters.postgres.errors import translated

INLINE_BYTES_MAX: Final = 8 * 1024
"""Larger values are not read with the others: 5,000 rows of dead letters could be gigabytes."""
LARGE_BYTES_MAX: Final = 8 * 1024 * 1024
"""Of large values read at once; a single one may be larger, up to VALUE_BYTES_MAX."""
VALUE_BYTES_MAX: Final = 32 * 1024 * 1024
"""No topic takes more. What is larger is never loaded."""

READ: Final = """
    SELECT id, topic, schema_version, key,
           CASE WHEN octet_length(value) <= %(inline)s THEN value END,
           traceparent, letter, date_part('epoch', created_at),
           CASE WHEN octet_length(value) > %(inline)s THEN octet_length(value) END
      FROM (SELECT * FROM outbox WHERE id > %(after)s ORDER BY id LIMIT %(rows_max)s) looked_at
     WHERE topic <> ALL(%(others)s::smallint[])
     UNION ALL
    SELECT coalesce(max(id), %(after)s), NULL, NULL, NULL, NULL, NULL, NULL, NULL, count(*)
      FROM (SELECT id FROM outbox WHERE id > %(after)s ORDER BY id LIMIT %(rows_max)s) looked_at
"""
"""The last row says how far this looked, and at how many rows: in one statement, so that both
parts see the same commits."""

READ_LARGE: Final = "SELECT id, value FROM outbox WHERE id = ANY(%s)"

BACKLOG: Final = """
    SELECT coalesce((SELECT id FROM outbox WHERE id > %(after)s ORDER BY id DESC LIMIT 1)
                    - %(after)s, 0),
           coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at)
                       FROM outbox WHERE id > %(after)s ORDER BY id LIMIT 1), 0)::float8
"""

TOPICS: Final = "SELECT code, name FROM topics"

PLANNER: Final = {
    # One plan for all positions: partitions are chosen when it runs, at half the cost of
    # planning anew each time (measured with 20 to 400 partitions).
    "plan_cache_mode": "force_generic_plan",
    # The row that says how far a look went has to come last.
    "max_parallel_workers_per_gather": "0",
    # Only `store_progress` writes, and Kafka has the truth.
    "synchronous_commit": "off",
}


class Entry(NamedTuple):
    """One outbox row as stored. `topic` is a code, see `topics`."""

    id: int
    topic: int
    schema_version: int
    key: bytes | None
    value: bytes | None
    traceparent: str | None
    letter: str | None
    created_s: float
    """When its transaction began, in seconds since 1970 by the database's clock."""
    unread_bytes: int | None
    """Set when `value` was left out because nothing can take so many bytes."""


class Window(NamedTuple):
    """What was found in one look at the outbox."""

    entries: list[Entry]
    up_to: int
    """All rows asked for up to this id are in `entries`, or were before."""
    looked_at: int
    """Rows of any topic."""


def open_reader(dsn: str, application_name: str, idle_limit_s: int) -> Database:
    """A connection for `read_after`, which ends itself when it is idle for `idle_limit_s`.

    So a relay that was frozen loses its leadership: see `relay_state.try_to_lead`. Raises
    Unavailable or Halt.
    """
    return connect(dsn, application_name, {**PLANNER, "idle_session_timeout": f"{idle_limit_s}s"})


def read_after(database: Database, last_id: int, rows_max: int, others: Sequence[int]) -> Window:
    """All but those of `others` (topic codes) among the next `rows_max`, fewer when large.

    Raises Unavailable or Halt.
    """
    asked = {
        "after": last_id,
        "rows_max": rows_max,
        "inline": INLINE_BYTES_MAX,
        "others": list(others),
    }
    with translated(), database.cursor(binary=True) as cursor:
        *rows, last = cursor.execute(READ, asked, prepare=True).fetchall()
    entries = list(map(Entry._make, rows))
    found = Window(entries, up_to=last[0], looked_at=last[-1])
    if not any(entry.unread_bytes for entry in entries):
        return found
    fitting = _with_large_values(database, entries)
    if len(fitting) == len(entries):
        return found._replace(entries=fitting)
    return Window(fitting, up_to=fitting[-1].id, looked_at=rows_max)


def _with_large_values(database: Database, entries: list[Entry]) -> list[Entry]:
    """Load large values up to a bound; rows beyond it are left for the next call."""
    fitting: list[Entry] = []
    wanted: list[int] = []
    total = 0
    for entry in entries:
        size = entry.unread_bytes or 0
        if 0 < size <= VALUE_BYTES_MAX:
            if wanted and total + size > LARGE_BYTES_MAX:
                break
            total += size
            wanted.append(entry.id)
        fitting.append(entry)
    with translated(), database.cursor(binary=True) as cursor:
        values: dict[int, bytes] = dict(cursor.execute(READ_LARGE, (wanted,)).fetchall())
    return [
        entry._replace(value=values[entry.id], unread_bytes=None) if entry.id in values else entry
        for entry in fitting
    ]


def depth_and_age(database: Database, last_id: int) -> tuple[int, float]:
    """How many rows follow (gaps counted too) and how many seconds the first of them waits.

    Raises Unavailable or Halt.
    """
    with translated():
        row = database.execute(BACKLOG, {"after": last_id}).fetchone()
    return (row[0], row[1]) if row else (0, 0.0)


def topics(database: Database) -> dict[int, str]:
    """Topic names by code. Raises Unavailable or Halt."""
    with translated():
        return dict(database.execute(TOPICS).fetchall())
