"""Audit rows of one merchant by time: read for the archive, deleted in short transactions.

Rows are never changed, and those who write new ones wait for no deletion.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from gamification.adapters.postgres.arrays import uuids
from gamification.adapters.postgres.session import EngineSession, Tx
from gamification.domain.days import DAY_S, to_date
from gamification.domain.ids import DEFAULT_MERCHANT, MerchantId
from gamification.wire.audit_archive import Row

CHUNK_ROWS_MAX: Final = 5_000
"""Rows deleted by one transaction: well under 100 ms."""

COUNT_MAX: Final = 1_000_000
"""Nobody needs a count of waiting rows to be exact beyond this."""

NEXT_MERCHANT: Final = """
    SELECT merchant_id
      FROM ((SELECT merchant_id FROM audit_logs
              WHERE merchant_id > %b::uuid ORDER BY merchant_id LIMIT 1)
            UNION ALL
            (SELECT merchant_id FROM audit_archive
              WHERE merchant_id > %b::uuid ORDER BY merchant_id LIMIT 1)) AS either
     ORDER BY merchant_id LIMIT 1
"""

OLDEST: Final = """
    SELECT created_at FROM audit_logs
     WHERE merchant_id = %b::uuid AND created_at < %b::timestamptz
     ORDER BY created_at, id LIMIT 1
"""

COUNT: Final = """
    SELECT count(*)
      FROM (SELECT FROM audit_logs
             WHERE merchant_id = %b::uuid AND created_at < %b::timestamptz
             LIMIT %b::int) AS waiting
"""

READ: Final = """
    SELECT id, actor, action, subject, outcome, details::text, created_at
      FROM audit_logs
     WHERE merchant_id = %b::uuid AND created_at < %b::timestamptz
       AND (created_at, id) > (%b::timestamptz, %b::uuid)
     ORDER BY created_at, id LIMIT %b::int
"""

DELETE: Final = """
    DELETE FROM audit_logs AS old USING unnest(%b::uuid[]) AS gone (gone_id)
     WHERE old.merchant_id = %b::uuid AND old.id = gone_id
"""

KEYS: Final = """
    SELECT created_at, id FROM audit_logs
     WHERE merchant_id = %b::uuid AND created_at < %b::timestamptz
       AND (created_at, id) > (%b::timestamptz, %b::uuid)
     ORDER BY created_at, id LIMIT %b::int
"""


class Place(NamedTuple):
    """Where a reader by time is; rows up to and with it are behind him."""

    created_at: datetime
    id: bytes


BEFORE_ALL: Final = Place(datetime(1, 1, 1, tzinfo=UTC), bytes(16))


def start_of(day: int) -> datetime:
    """The first moment of a UTC day, counted since 1970-01-01."""
    return datetime.combine(to_date(day), datetime.min.time(), UTC)


def before(day: int) -> Place:
    """The place before the first row of a day."""
    return Place(start_of(day) - timedelta(microseconds=1), b"\xff" * 16)


def merchants(session: EngineSession, after: MerchantId | None) -> MerchantId | None:
    """The next merchant with audit rows or archived ones; None asks for the very first.

    The owner of what holds for all merchants is always the first.
    """
    if after is None:
        return DEFAULT_MERCHANT
    with session.transaction() as tx:
        tx.execute(NEXT_MERCHANT, (UUID(bytes=after), UUID(bytes=after)))
        row = tx.fetchone()
    return MerchantId(row[0]) if row else None


def oldest_day(session: EngineSession, merchant_id: MerchantId, before_day: int) -> int | None:
    """The UTC day of the oldest row, if that is before `before_day`."""
    with session.transaction() as tx:
        tx.execute(OLDEST, (UUID(bytes=merchant_id), start_of(before_day)))
        row = tx.fetchone()
    return int(row[0].timestamp() // DAY_S) if row else None


def count(session: EngineSession, merchant_id: MerchantId, before_day: int) -> int:
    """How many rows are older than a day, COUNT_MAX at most."""
    with session.transaction() as tx:
        tx.execute(COUNT, (UUID(bytes=merchant_id), start_of(before_day), COUNT_MAX))
        row = tx.fetchone()
    return int(row[0]) if row else 0


def read(
    session: EngineSession, merchant_id: MerchantId, day: int, after: Place, limit: int
) -> list[Row]:
    """The next rows of one UTC day in the order of time, then id."""
    end = start_of(day + 1)
    with session.transaction() as tx:
        tx.execute(READ, (UUID(bytes=merchant_id), end, after.created_at, _id(after), limit))
        return [Row(*row) for row in tx.fetchall()]


def delete(session: EngineSession, merchant_id: MerchantId, ids: Sequence[bytes]) -> int:
    """Delete these, CHUNK_ROWS_MAX at most, in a transaction of its own; return how many were."""
    with session.transaction() as tx:
        return _delete(tx, merchant_id, ids)


def delete_next(
    tx: Tx, merchant_id: MerchantId, until: datetime, after: Place
) -> tuple[int, Place | None]:
    """Delete the next CHUNK_ROWS_MAX rows from before `until`; how many, and where to go on.

    None: there are no more.
    """
    values = (UUID(bytes=merchant_id), until, after.created_at, _id(after), CHUNK_ROWS_MAX)
    tx.execute(KEYS, values)
    keys = [Place(*row) for row in tx.fetchall()]
    deleted = _delete(tx, merchant_id, [key.id for key in keys]) if keys else 0
    return deleted, keys[-1] if len(keys) == CHUNK_ROWS_MAX else None


def _delete(tx: Tx, merchant_id: MerchantId, ids: Sequence[bytes]) -> int:
    tx.execute(DELETE, (uuids(ids), UUID(bytes=merchant_id)))
    return tx.rowcount


def _id(place: Place) -> UUID:
    return UUID(bytes=place.id)
