"""Look up texts for people who wait for them: on a connection of its own, and never for long."""

import contextlib
import os
import socket
from collections.abc import Collection, Mapping
from typing import Final

import psycopg

from gamification.adapters.postgres.connection import Database, connect
from gamification.adapters.postgres.errors import translated
from gamification.adapters.postgres.translations import Place
from gamification.domain.errors import GamificationError

LOOK_UP: Final = """
    SELECT key, locale, value
      FROM served_translations WHERE key = ANY(%s::text[]) AND locale = ANY(%s::text[])
"""

SETTINGS: Final[Mapping[str, str]] = {"statement_timeout": "2s", "lock_timeout": "1s"}


class TranslationReader:
    """Connects when first asked, and anew when it was cut off. For one thread at a time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._database: Database | None = None
        self._given_up = False

    def newest(self, keys: Collection[str], locales: Collection[str]) -> dict[Place, str]:
        """The text in force of each key and locale that has one. Raises Unavailable, Halt."""
        self._given_up = False
        if self._database is not None:
            try:
                return self._ask(self._database, keys, locales)
            except GamificationError:
                cut_off = self._database.closed
                self.close()
                if self._given_up or not cut_off:
                    raise
                # Perhaps long ago: only a new connection tells whether Postgres is there.
        self._database = connect(self._dsn, "gamification-translate", dict(SETTINGS))
        try:
            return self._ask(self._database, keys, locales)
        except GamificationError:
            self.close()
            raise

    def give_up(self) -> None:
        """End a question that gets no answer. The one method that another thread may call.

        A server that hangs keeps its connections open, and no timeout of its own helps then.
        """
        self._given_up = True
        database = self._database
        if database is not None:
            with (
                contextlib.suppress(psycopg.Error, OSError),
                socket.socket(fileno=os.dup(database.fileno())) as line,
            ):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    @staticmethod
    def _ask(
        database: Database, keys: Collection[str], locales: Collection[str]
    ) -> dict[Place, str]:
        with translated():
            rows = database.execute(LOOK_UP, (list(keys), list(locales)), prepare=True)
            return {(key, locale): value for key, locale, value in rows}
