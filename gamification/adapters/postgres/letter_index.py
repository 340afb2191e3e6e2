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
from gamification.domain.letter import CAME_BACK_MAX, LetterFilter, LetterStatus

MATCHES: Final = """
        (%(merchant)s::uuid IS NULL OR merchant_id = %(merchant)s)
    AND (%(topic)s::text IS NULL OR origin_topic = %(topic)s)
    AND (%(reason)s::text IS NULL OR reason = %(reason)s)
    AND (%(since)s::bigint IS NULL OR created_at >= to_timestamp(%(since)s / 1000.0))
    AND (%(until)s::bigint IS NULL OR created_at < to_timestamp(%(until)s / 1000.0))
    AND (%(id)s::uuid IS NULL OR id = %(id)s)
"""

COLUMNS: Final = """
    merchant_id, id, event_id, origin_topic, origin_partition, origin_offset, reason, detail,
    attempts, status, first_failed_at, created_at, changed_at
"""

PAGE: Final = f"""
    SELECT {COLUMNS} FROM dead_letters
     WHERE {MATCHES} AND (%(status)s::text IS NULL OR status = %(status)s)
     ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""  # noqa: S608 - of constants

PARKED: Final = f"""
    SELECT count(*) FILTER (WHERE attempts <= %(attempts)s),
           count(*) FILTER (WHERE attempts > %(attempts)s),
           (date_part('epoch', min(created_at)) * 1000)::bigint
      FROM dead_letters WHERE status = 'parked' AND {MATCHES}
"""  # noqa: S608 - of constants

AMONG: Final = f"""
    SELECT d.id, d.attempts FROM dead_letters d
      JOIN unnest(%(merchants)s::uuid[], %(ids)s::uuid[]) AS asked (m, i)
        ON d.merchant_id = asked.m AND d.id = asked.i
     WHERE status = 'parked' AND {MATCHES}
"""  # noqa: S608 - of constants

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

DISCARD: Final = f"""
    UPDATE dead_letters SET status = 'discarded', changed_at = clock_timestamp()
     WHERE (merchant_id, id) IN (
           SELECT merchant_id, id FROM dead_letters WHERE status = 'parked' AND {MATCHES}
            ORDER BY created_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
"""  # noqa: S608 - of constants

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


Key = tuple[MerchantId, bytes]


def page(
    session: EngineSession, wanted: LetterFilter, status: LetterStatus | None, limit: int
) -> list[Letter]:
    """The newest ones first. Raises Unavailable."""
    asked = {**_asked(wanted), "status": status, "limit": limit}
    with session.transaction() as tx:
        return [Letter._make(row) for row in tx.execute(PAGE, asked).fetchall()]


def parked(session: EngineSession, wanted: LetterFilter, attempts_max: int) -> Parked:
    """Raises Unavailable."""
    with session.transaction() as tx:
        row = tx.execute(PARKED, {**_asked(wanted), "attempts": attempts_max}).fetchone()
    return Parked._make(row or (0, 0, None))


def among(session: EngineSession, wanted: LetterFilter, keys: Sequence[Key]) -> dict[bytes, int]:
    """Those of `keys` that are parked and wanted, with their attempts. Raises Unavailable."""
    with session.transaction() as tx:
        rows = tx.execute(AMONG, {**_asked(wanted), **_keys(keys)}).fetchall()
    return dict(rows)


def change(tx: Tx, keys: Sequence[Key], status: LetterStatus) -> set[bytes]:
    """Ids of those that were parked until now: they are ours, in this transaction."""
    rows = tx.execute(CHANGE, {**_keys(keys), "status": status}).fetchall()
    return {row[0] for row in rows}


def discard(session: EngineSession, wanted: LetterFilter, limit: int) -> int:
    """Give up to `limit` parked letters up, the oldest first; how many. Raises Unavailable."""
    with session.transaction() as tx:
        return tx.execute(DISCARD, {**_asked(wanted), "limit": limit}).rowcount


def count_parked(database: Database) -> int:
    """Raises Unavailable."""
    with translated():
        row = database.execute(COUNT_PARKED).fetchone()
    return row[0] if row else 0


def attempts_max(*, insist: bool) -> int:
    """Of letters that are sent again. The first failure is an attempt, too."""
    return 2**31 - 1 if insist else CAME_BACK_MAX


def _asked(wanted: LetterFilter) -> dict[str, Any]:
    return {
        "merchant": None if wanted.merchant_id is None else UUID(bytes=wanted.merchant_id),
        "topic": wanted.event_type,
        "reason": wanted.reason,
        "since": wanted.since_ms,
        "until": wanted.until_ms,
        "id": None if wanted.id is None else UUID(bytes=wanted.id),
    }


def _keys(keys: Sequence[Key]) -> dict[str, Any]:
    return {
        "merchants": uuids([merchant for merchant, _ in keys]),
        "ids": uuids([letter for _, letter in keys]),
    }
