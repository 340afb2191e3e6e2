"""Open a connection that cannot hang, and a transaction that is all or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.string import ByteaBinaryLoader, ByteaLoader

from gamification.adapters.postgres.errors import translated
from gamification.adapters.postgres.slow import WatchedCursor

Database: TypeAlias = psycopg.Connection[TupleRow]

CONNECT_TIMEOUT_S: Final = 5

SESSION_SETTINGS: Final = {
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "15s",
    "timezone": "UTC",
    "jit": "off",
}


def connect(dsn: str, application_name: str, settings: dict[str, str] | None = None) -> Database:
    """A connection in autocommit mode; use `transaction` around what belongs together.

    `settings` are further server settings of the session. uuid columns come back as 16 bytes
    from binary cursors. Raises Unavailable when the server does not answer in time, Halt when
    it refuses us for good.
    """
    wanted = {**SESSION_SETTINGS, **(settings or {})}
    options = " ".join(f"-c {name}={value}" for name, value in wanted.items())
    with translated():
        database = psycopg.connect(
            dsn,
            autocommit=True,
            cursor_factory=WatchedCursor,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name=application_name,
            options=options,
            keepalives=1,
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=15_000,
        )
    database.adapters.register_loader("uuid", ByteaBinaryLoader)
    database.adapters.register_loader("bytea", ByteaLoader)
    return database


@contextmanager
def transaction(database: Database) -> Iterator[Database]:
    """Commit on leaving; roll back on any exception. Raises Suspect, Unavailable or Halt."""
    with translated(), database.transaction():
        yield database
