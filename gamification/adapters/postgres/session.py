"""The award engine's own connection: binary, prepared, planned for joins on arrays."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format
from psycopg.rows import TupleRow

from gamification.adapters.postgres import arrays
from gamification.adapters.postgres.connection import Database, connect, transaction
from gamification.adapters.postgres.slow import watched

Tx: TypeAlias = psycopg.Cursor[TupleRow]
"""A binary cursor inside a transaction."""

PLANNER: Final = {
    # A batch joins an array of some thousand keys with big tables. Without statistics of the
    # array the planner likes to read whole tables; the index is always right here.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    # A worker that was stopped in mid-transaction must not hold others up for long.
    "idle_in_transaction_session_timeout": "10s",
}


class _DayLoader(Loader):
    """A binary date as a day since 1970-01-01: datetime.date costs a microsecond more."""

    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        return arrays.day_of(int.from_bytes(data, "big", signed=True))


@contextmanager
def pipelined(tx: Tx) -> Iterator[None]:
    """Send statements without waiting for each answer; none of them may be read from.

    The server works on one while the client still packs the next, and a small batch costs one
    round trip instead of ten. The first error is raised at the latest on leaving.
    """
    with watched("pipeline"), tx.connection.pipeline():
        yield


class EngineSession:
    """One connection for one worker; make it anew after Unavailable."""

    def __init__(self, dsn: str, application_name: str) -> None:
        self.database: Database = connect(dsn, application_name, PLANNER)
        arrays.register(self.database)
        self.database.adapters.register_loader("date", _DayLoader)
        self.database.prepare_threshold = 0
        self._cursor: Tx = self.database.cursor(binary=True)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Commit on leaving, roll back on any exception. Raises Suspect, Unavailable or Halt."""
        with transaction(self.database):
            yield self._cursor

    def close(self) -> None:
        self.database.close()
