"""Plain SQL files, forward only, applied once each, however many processes start at once."""

import hashlib
from pathlib import Path
from typing import Final

from gamification.adapters.postgres.connection import Database, transaction
from gamification.adapters.postgres.errors import translated
from gamification.domain.errors import Halt

MIGRATIONS: Final = Path(__file__).parent / "migrations"

LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('gamification_migrations'))"

CREATE_HISTORY: Final = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        name text PRIMARY KEY,
        sha256 text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""

READ_HISTORY: Final = "SELECT name, sha256 FROM schema_migrations"

EXISTS: Final = "SELECT to_regclass('schema_migrations') IS NOT NULL"

RECORD: Final = "INSERT INTO schema_migrations (name, sha256) VALUES (%s, %s)"


def files() -> dict[str, str]:
    """Every migration's name and text, in order."""
    return {path.name: path.read_text() for path in sorted(MIGRATIONS.glob("*.sql"))}


def migrate(database: Database) -> tuple[str, ...]:
    """Apply what is missing, all of it in one transaction; return the names applied.

    Raises Halt when an applied file was edited since: history is not rewritten.
    """
    applied: list[str] = []
    with transaction(database) as tx:
        # A second process may wait here for as long as the first one migrates.
        tx.execute("SET LOCAL lock_timeout = '60s'")
        tx.execute(LOCK)
        tx.execute(CREATE_HISTORY)
        known = dict(tx.execute(READ_HISTORY).fetchall())
        for name, text in files().items():
            digest = hashlib.sha256(text.encode()).hexdigest()
            if name in known:
                if known[name] != digest:
                    raise Halt(
                        f"migration {name} was edited after it was applied: add a new file instead"
                    )
                continue
            tx.execute(text.encode())
            tx.execute(RECORD, (name, digest))
            applied.append(name)
    return tuple(applied)


def missing(database: Database) -> tuple[str, ...]:
    """Names of the migrations that this database does not have yet."""
    with translated():
        row = database.execute(EXISTS).fetchone()
        if row is None or not row[0]:
            return tuple(files())
        known = {name for name, _ in database.execute(READ_HISTORY)}
    return tuple(name for name in files() if name not in known)
