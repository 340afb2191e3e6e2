"""What operators ask and change of the index over `gamification.dlq`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from gamification.adapters.postgres.arrays import uuids
from gamification.adapters.postgres.connection import Database
from gamification.adapters.postgres.errors import translated
from gamification.adapters.postgres.session import EngineSession, Tx
from gamification.domain.ids import MerchantId
from gamification.domain.letter import LetterFilter, LetterStatus

CONDITIONS: Final = {
    "merchant": "merchant_id = %(merchant)s",
    "topic": "origin_topic = %(topic)s",
    "reason": "reason = %(reason)s",
    "since": "created_at >= to_timestamp(%(since)s / 1000.0)",
    "until": "created_at < to_timestamp(%(until)s / 1000.0)",
    "id": "id = %(id)s",
    "status": "status = %(status)s",
    "after_id": "(created_at, id) > (%(after_at)s, %(after_id)s)",
}
"""Only those that are asked for are put into a statement: a plan for all of them together cannot
use any index."""

IS_PARKED: Final = "status = 'parked'"
"""Said by name, so that the index of the parked ones is used."""

COLUMNS: Final = """
    merchant_id, id, event_id, origin_topic, origin_partition, origin_offset, reason, detail,
    attempts, status, first_failed_at, created_at, changed_at
"""

PAGE: Final = f"""
    SELECT {COLUMNS} FROM dead_letters
     WHERE {{where}}
     ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""  # noqa: S608 - of constants

PARKED: Final = """
    SELECT count(*) FILTER (WHERE attempts <= %(attempts)s),
           count(*) FILTER (WHERE attempts > %(attempts)s),
           (date_part('epoch', min(created_at)) * 1000)::bigint
      FROM dead_letters WHERE {where}
"""

WRITTEN: Final = """
    SELECT id, (date_part('epoch', created_at) * 1000)::bigint
      FROM dead_letters WHERE {where} LIMIT %(limit)s
"""

AMONG: Final = """
    SELECT d.id, d.attempts FROM dead_letters d
      JOIN unnest(%(merchants)s::uuid[], %(ids)s::uuid[]) AS asked (m, i)
        ON d.merchant_id = asked.m AND d.id = asked.i
     WHERE {where}
"""

KNOWN: Final = """
    SELECT d.id FROM dead_letters d
      JOIN unnest(%(merchants)s::uuid[], %(ids)s::uuid[]) AS asked (m, i)
        ON d.merchant_id = asked.m AND d.id = asked.i
"""

CHANGE: Final = """
    UPDATE dead_letters d SET status = %(status)s, changed_at = clock_timestamp()
      FROM (SELECT merchant_id, id FROM dead_letters
              JOIN unnest(%(merchants)s::uuid[], %(ids)s::uuid[]) AS asked (m, i)
                ON merchant_id = asked.m AND id = asked.i
             WHERE status = 'parked'
             ORDER BY merchant_id, id FOR UPDATE OF dead_letters) AS mine
     WHERE d.merchant_id = mine.merchant_id AND d.id = mine.id
    RETURNING d.id
"""
"""In one order, so that two who change the same letters cannot wait for each other in a circle;
who comes second finds that they are not parked any more."""

DISCARD: Final = """
    WITH mine AS (
        SELECT merchant_id, id, created_at FROM dead_letters WHERE {where}
         ORDER BY created_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED),
    changed AS (
        UPDATE dead_letters d SET status = 'discarded', changed_at = clock_timestamp()
          FROM mine WHERE d.merchant_id = mine.merchant_id AND d.id = mine.id
        RETURNING 1)
    SELECT created_at, id, (SELECT count(*) FROM changed)
      FROM mine ORDER BY created_at DESC, id DESC LIMIT 1
"""

COUNT_PARKED: Final = "SELECT count(*) FROM dead_letters WHERE status = 'parked'"


class Letter(NamedTuple):
    """One row of the index. Ids are 16 bytes; times are aware."""

    merchant_id: MerchantId
    id: bytes
    event_id: bytes | None
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    attempts: int
    status: str
    first_failed_at: datetime
    created_at: datetime
    changed_at: datetime | None


class Parked(NamedTuple):
    """How many letters wait, and since when."""

    letters: int
    refused: int
    """Besides: those that came back too often."""
    oldest_ms: int | None


class Discarded(NamedTuple):
    """`last` is where the next call goes on."""

    last: "Place"
    letters: int


Key = tuple[MerchantId, bytes]
Place = tuple[datetime, bytes]
"""Of a letter in the order of time: when it was written, and its id."""


def page(
    session: EngineSession, wanted: LetterFilter, status: LetterStatus | None, limit: int
) -> list[Letter]:
    """The newest ones first. Raises Unavailable."""
    asked = {**_asked(wanted), "limit": limit}
    if status == LetterStatus.PARKED:
        statement = _where(PAGE, asked, IS_PARKED)
    else:
        asked |= {} if status is None else {"status": str(status)}
        statement = _where(PAGE, asked)
    with session.transaction() as tx:
        return [Letter._make(row) for row in tx.execute(statement, asked).fetchall()]


def parked(session: EngineSession, wanted: LetterFilter, attempts_max: int) -> Parked:
    """Raises Unavailable."""
    asked = {**_asked(wanted), "attempts": attempts_max}
    with session.transaction() as tx:
        row = tx.execute(_where(PARKED, asked, IS_PARKED), asked).fetchone()
    return Parked._make(row or (0, 0, None))


def written(session: EngineSession, wanted: LetterFilter, limit: int) -> dict[bytes, int]:
    """When each that is parked and wanted was written, in ms since 1970. Raises Unavailable."""
    asked = {**_asked(wanted), "limit": limit}
    with session.transaction() as tx:
        rows = tx.execute(_where(WRITTEN, asked, IS_PARKED), asked).fetchall()
    return dict(rows)


def among(session: EngineSession, wanted: LetterFilter, keys: Sequence[Key]) -> dict[bytes, int]:
    """Those of `keys` that are parked and wanted, with their attempts. Raises Unavailable."""
    asked = _asked(wanted)
    statement = _where(AMONG, asked, IS_PARKED)
    with session.transaction() as tx:
        rows = tx.execute(statement, {**asked, **_keys(keys)}).fetchall()
    return dict(rows)


def known(session: EngineSession, keys: Sequence[Key]) -> set[bytes]:
    """Ids of those of `keys` that are letters, whatever became of them. Raises Unavailable."""
    with session.transaction() as tx:
        return {row[0] for row in tx.execute(KNOWN, _keys(keys)).fetchall()}


def change(tx: Tx, keys: Sequence[Key], status: LetterStatus) -> set[bytes]:
    """Ids of those that were parked until now: they are ours, in this transaction."""
    rows = tx.execute(CHANGE, {**_keys(keys), "status": status}).fetchall()
    return {row[0] for row in rows}


def discard(
    session: EngineSession, wanted: LetterFilter, limit: int, after: Place | None = None
) -> Discarded | None:
    """Give up to `limit` parked letters up, the oldest first; None when there are none.

    `after`: what a call before said, so that none looks at the same letters again. Raises
    Unavailable.
    """
    asked = {**_asked(wanted), "limit": limit}
    if after is not None:
        asked |= {"after_at": after[0], "after_id": UUID(bytes=after[1])}
    with session.transaction() as tx:
        row = tx.execute(_where(DISCARD, asked, IS_PARKED), asked).fetchone()
    return None if row is None else Discarded((row[0], row[1]), row[2])


def count_parked(database: Database) -> int:
    """Raises Unavailable."""
    with translated():
        row = database.execute(COUNT_PARKED).fetchone()
    return row[0] if row else 0


def _where(statement: str, asked: dict[str, Any], *more: str) -> bytes:
    """Made of our constants only; values stay parameters."""
    parts = [text for name, text in CONDITIONS.items() if name in asked]
    return statement.format(where=" AND ".join((*more, *parts)) or "true").encode()


def _asked(wanted: LetterFilter) -> dict[str, Any]:
    """Parameters, of what is asked for only."""
    every = {
        "merchant": None if wanted.merchant_id is None else UUID(bytes=wanted.merchant_id),
        "topic": wanted.event_type,
        "reason": wanted.reason,
        "since": wanted.since_ms,
        "until": wanted.until_ms,
        "id": None if wanted.id is None else UUID(bytes=wanted.id),
    }
    return {name: value for name, value in every.items() if value is not None}


def _keys(keys: Sequence[Key]) -> dict[str, Any]:
    return {
        "merchants": uuids([merchant for merchant, _ in keys]),
        "ids": uuids([letter for _, letter in keys]),
    }
