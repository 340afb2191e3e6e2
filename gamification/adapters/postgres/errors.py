"""psycopg's errors, said in our words. The one place that knows SQLSTATEs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from gamification.domain.errors import GamificationError, Halt, Suspect, Unavailable

ONE_RECORDS_FAULT: Final = ("22", "23")
"""Data exception, integrity constraint violation: a value of one record may have caused it."""

OUR_FAULT: Final = ("0A", "42", "3D", "3F", "28")
"""Wrong statement, missing table or database, refused login: no retry mends these."""


@contextmanager
def translated() -> Iterator[None]:
    """Wrap every transaction and every statement outside of one.

    Raises Suspect, Halt or Unavailable. What is neither a record's fault nor ours counts as the
    database being away: the work is tried again, and nothing is given up for it.
    """
    try:
        yield
    except psycopg.Error as error:
        raise translate(error) from error


def translate(error: psycopg.Error) -> GamificationError:
    """Ours for theirs. The message holds the SQLSTATE and names, never a row's values."""
    state = error.sqlstate or ""
    said = " ".join(
        part
        for part in (
            state or type(error).__name__,
            error.diag.message_primary if not state.startswith(ONE_RECORDS_FAULT) else None,
            error.diag.table_name,
            error.diag.constraint_name,
        )
        if part
    )
    if state.startswith(ONE_RECORDS_FAULT) or (not state and isinstance(error, psycopg.DataError)):
        return Suspect(f"postgres: {said}")
    if state.startswith(OUR_FAULT):
        return Halt(f"postgres: {said}; is the database migrated (python -m cli.migrate)?")
    return Unavailable(f"postgres: {said}")
