"""The list of archived objects: what was written where, and how far it got.

A row is made when its object was put, and moves on only after the step that it names, so that a
crash between any two steps shows which one to do again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from gamification.adapters.postgres.session import EngineSession, Tx
from gamification.domain.days import to_date
from gamification.domain.ids import MerchantId

RETENTION_DAYS: Final = 90
KEEP_MONTHS: Final = 12
"""As the defaults of table `merchants`: also for owners of rows who are no merchants."""

LIST_MAX: Final = 500

TERMS: Final = """
    SELECT audit_retention_days, audit_keep_months FROM merchants WHERE merchant_id = %b::uuid
"""

_PARTS: Final = """
    SELECT merchant_id, day, part, bucket, key, rows, bytes, sha256, status, cold
      FROM audit_archive
     WHERE merchant_id = %b::uuid
"""

OPEN: Final = f"""{_PARTS}
       AND status <> 'cleared' ORDER BY day, part LIMIT 1
"""

NEXT_PART: Final = """
    SELECT coalesce(max(part), 0) + 1 FROM audit_archive
     WHERE merchant_id = %b::uuid AND day = %b::date
"""

RECORD: Final = """
    INSERT INTO audit_archive (merchant_id, day, part, bucket, key, rows, bytes, sha256, status)
    VALUES (%b::uuid, %b::date, %b::int, %b::text, %b::text, %b::int, %b::bigint, %b::text,
            'written')
"""

MARK: Final = """
    UPDATE audit_archive SET status = %b::text
     WHERE merchant_id = %b::uuid AND day = %b::date AND part = %b::int
"""

MARK_COLD: Final = """
    UPDATE audit_archive SET bucket = %b::text, cold = %b::text
     WHERE merchant_id = %b::uuid AND day = %b::date AND part = %b::int
"""

FORGET: Final = """
    DELETE FROM audit_archive WHERE merchant_id = %b::uuid AND day = %b::date AND part = %b::int
"""

WARM: Final = f"""{_PARTS}
       AND status = 'cleared' AND cold IS NULL AND day < %b::date
     ORDER BY day, part LIMIT %b::int
"""

EXPIRED: Final = f"""{_PARTS}
       AND status = 'cleared' AND (day + make_interval(months => %b::int))::date < %b::date
     ORDER BY day, part LIMIT %b::int
"""

STANDING: Final = """
    SELECT count(*), coalesce(sum(rows), 0)::bigint, coalesce(sum(bytes), 0)::bigint,
           count(*) FILTER (WHERE status <> 'cleared'), count(cold),
           count(*) FILTER (WHERE status = 'cleared' AND cold IS NULL AND day < %b::date),
           count(*) FILTER (WHERE status = 'cleared'
                              AND (day + make_interval(months => %b::int))::date < %b::date)
      FROM audit_archive WHERE merchant_id = %b::uuid
"""

BEGIN_PURGE: Final = "UPDATE audit_archive SET status = 'purging' WHERE merchant_id = %b::uuid"

NOW: Final = "SELECT clock_timestamp()"

KNOWN: Final = "SELECT bucket, key FROM audit_archive WHERE merchant_id = %b::uuid"

FORGET_ALL: Final = "DELETE FROM audit_archive WHERE merchant_id = %b::uuid"


class Terms(NamedTuple):
    """How long a merchant's audit rows are kept: in Postgres, and at all."""

    retention_days: int
    keep_months: int


class Part(NamedTuple):
    """One archived object. `day`: a UTC day since 1970-01-01."""

    merchant_id: MerchantId
    day: int
    part: int
    bucket: str
    key: str
    rows: int
    bytes: int
    sha256: str
    status: str = "written"
    cold: str | None = None


class Standing(NamedTuple):
    """What is archived of one merchant, and what of that waits for a run."""

    objects: int
    rows: int
    bytes: int
    unfinished: int
    cold: int
    to_cool: int
    to_delete: int


def terms(session: EngineSession, merchant_id: MerchantId) -> Terms:
    with session.transaction() as tx:
        tx.execute(TERMS, (UUID(bytes=merchant_id),))
        row = tx.fetchone()
    return Terms(*row) if row else Terms(RETENTION_DAYS, KEEP_MONTHS)


def unfinished(session: EngineSession, merchant_id: MerchantId) -> Part | None:
    """The first object whose rows may still be in Postgres, or that a purge left."""
    with session.transaction() as tx:
        tx.execute(OPEN, (UUID(bytes=merchant_id),))
        found = _parts(tx)
    return found[0] if found else None


def next_part(session: EngineSession, merchant_id: MerchantId, day: int) -> int:
    with session.transaction() as tx:
        tx.execute(NEXT_PART, (UUID(bytes=merchant_id), to_date(day)))
        row = tx.fetchone()
    return int(row[0]) if row else 1


def record(session: EngineSession, part: Part) -> None:
    """Its object was put."""
    key = (UUID(bytes=part.merchant_id), to_date(part.day), part.part)
    with session.transaction() as tx:
        tx.execute(RECORD, (*key, part.bucket, part.key, part.rows, part.bytes, part.sha256))


def mark(session: EngineSession, part: Part, status: str) -> None:
    with session.transaction() as tx:
        tx.execute(MARK, (status, UUID(bytes=part.merchant_id), to_date(part.day), part.part))


def mark_cold(session: EngineSession, part: Part, bucket: str, cold: str) -> None:
    key = (UUID(bytes=part.merchant_id), to_date(part.day), part.part)
    with session.transaction() as tx:
        tx.execute(MARK_COLD, (bucket, cold, *key))


def forget(session: EngineSession, parts: Sequence[Part]) -> None:
    """Their objects are gone, or never were good."""
    with session.transaction() as tx:
        for part in parts:
            tx.execute(FORGET, (UUID(bytes=part.merchant_id), to_date(part.day), part.part))


def warm(session: EngineSession, merchant_id: MerchantId, before_day: int) -> list[Part]:
    """Up to LIST_MAX objects of days before `before_day` that are not in the cold tier."""
    with session.transaction() as tx:
        tx.execute(WARM, (UUID(bytes=merchant_id), to_date(before_day), LIST_MAX))
        return _parts(tx)


def expired(
    session: EngineSession, merchant_id: MerchantId, keep_months: int, today: int
) -> list[Part]:
    """Up to LIST_MAX objects that are older than the merchant wants them."""
    with session.transaction() as tx:
        tx.execute(EXPIRED, (UUID(bytes=merchant_id), keep_months, to_date(today), LIST_MAX))
        return _parts(tx)


def standing(
    session: EngineSession, merchant_id: MerchantId, cold_before: int, keep_months: int, today: int
) -> Standing:
    now = (keep_months, to_date(today))
    with session.transaction() as tx:
        tx.execute(STANDING, (to_date(cold_before), *now, UUID(bytes=merchant_id)))
        row = tx.fetchone()
    return Standing(*row) if row else Standing(0, 0, 0, 0, 0, 0, 0)


def begin_purge(session: EngineSession, merchant_id: MerchantId) -> datetime:
    """Set the merchant's objects aside, so that no archiver goes on with one; the server's time."""
    with session.transaction() as tx:
        tx.execute(BEGIN_PURGE, (UUID(bytes=merchant_id),))
        tx.execute(NOW)
        row = tx.fetchone()
    if row is None or not isinstance(row[0], datetime):
        raise TypeError("Postgres did not say what time it is")
    return row[0]


def known_objects(session: EngineSession, merchant_id: MerchantId) -> list[tuple[str, str]]:
    """Bucket and key of each: at most one a day and 50,000 rows."""
    with session.transaction() as tx:
        tx.execute(KNOWN, (UUID(bytes=merchant_id),))
        return [(bucket, key) for bucket, key in tx.fetchall()]


def forget_all(session: EngineSession, merchant_id: MerchantId) -> None:
    with session.transaction() as tx:
        tx.execute(FORGET_ALL, (UUID(bytes=merchant_id),))


def _parts(tx: Tx) -> list[Part]:
    return [Part(MerchantId(row[0]), *row[1:]) for row in tx.fetchall()]
