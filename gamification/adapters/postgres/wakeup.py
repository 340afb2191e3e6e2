"""LISTEN with a bound: wait until somebody committed something for us, or some time passed.

The short poll behind it means that a lost notification costs that time, never a row.
"""

from enum import StrEnum
from typing import Final

import psycopg

from gamification.adapters.postgres.connection import Database, connect
from gamification.adapters.postgres.errors import translated


class Channel(StrEnum):
    OUTBOX = "gamification_outbox"
    CHANGES = "gamification_changes"


NOTIFY: Final = "SELECT pg_notify('gamification_outbox', ''), pg_notify('gamification_changes', '')"


class Wakeup:
    """One LISTEN connection of its own. Make it anew after Unavailable."""

    def __init__(self, dsn: str, channel: Channel) -> None:
        self._database: Database = connect(dsn, f"gamification-{channel}")
        with translated():
            self._database.execute(
                psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel))
            )

    def wait(self, timeout_s: float) -> bool:
        """True when notified, False after `timeout_s` seconds. Raises Unavailable."""
        with translated():
            for _ in self._database.notifies(timeout=timeout_s, stop_after=1):
                return True
        return False

    def close(self) -> None:
        self._database.close()
