"""Statements that took long are told in the log, by their text and never by their values."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

import psycopg
from psycopg.abc import Params, QueryNoTemplate
from psycopg.rows import TupleRow

from gamification.telemetry import logs

SLOW_S: Final = 1.0
TEXT_CHARACTERS_MAX: Final = 300

log = logs.get("postgres")


@contextmanager
def watched(statement: object) -> Iterator[None]:
    """Log `slow_query` when what is inside took longer than SLOW_S, waiting for locks included."""
    began_s = time.monotonic()
    try:
        yield
    finally:
        took_s = time.monotonic() - began_s
        if took_s > SLOW_S:
            log.warning("slow_query", seconds=round(took_s, 3), statement=_brief(statement))


class WatchedCursor(psycopg.Cursor[TupleRow]):
    """As psycopg's own, but for the watch, and for t-strings, which nobody here writes.

    In a pipeline only the whole of it can be watched.
    """

    def execute(  # type: ignore[override]
        self, query: QueryNoTemplate, params: Params | None = None, **options: Any
    ) -> Self:
        with watched(query):
            return super().execute(query, params, **options)


def _brief(statement: object) -> str:
    text = statement.decode(errors="replace") if isinstance(statement, bytes) else str(statement)
    return " ".join(text.split())[:TEXT_CHARACTERS_MAX]
