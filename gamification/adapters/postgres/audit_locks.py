"""Who may move audit rows: one archiver at all, and for each merchant one archiver or purge.

The locks belong to the connection, not to a transaction, because the object store is asked while
they are held; the server gives them back when the connection ends. Nobody who writes audit rows
takes them.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from uuid import UUID

from psycopg.errors import LockNotAvailable

from gamification.adapters.postgres.session import EngineSession
from gamification.domain.errors import GamificationError, Unavailable
from gamification.domain.ids import MerchantId, uuid_text

LEAD: Final = "SELECT pg_try_advisory_lock(hashtext('gamification_audit_archiver'), 0)"

TRY: Final = """
    SELECT pg_try_advisory_lock(hashtext('gamification_audit'), hashtext(%b::uuid::text))
"""

WAIT_MAX: Final = "SELECT set_config('lock_timeout', %b::text, true)"

WAIT: Final = "SELECT pg_advisory_lock(hashtext('gamification_audit'), hashtext(%b::uuid::text))"

RELEASE: Final = """
    SELECT pg_advisory_unlock(hashtext('gamification_audit'), hashtext(%b::uuid::text))
"""

WAIT_S_MAX: Final = 25.0
"""Less than the session's statement_timeout."""


def lead(session: EngineSession) -> bool:
    """Whether this connection may archive, from now on until it ends. Raises Unavailable, Halt."""
    with session.transaction() as tx:
        tx.execute(LEAD)
        row = tx.fetchone()
    return bool(row and row[0])


@contextmanager
def held_if_free(session: EngineSession, merchant_id: MerchantId) -> Iterator[bool]:
    """Hold the merchant's lock inside, if nobody else has it or waits for it; say whether."""
    with session.transaction() as tx:
        tx.execute(TRY, (UUID(bytes=merchant_id),))
        row = tx.fetchone()
    if not (row and row[0]):
        yield False
        return
    try:
        yield True
    finally:
        _release(session, merchant_id)


@contextmanager
def held(session: EngineSession, merchant_id: MerchantId, wait_s: float) -> Iterator[None]:
    """Hold the merchant's lock inside. Raises Unavailable when `wait_s` was not enough."""
    wait_ms = max(1, int(min(wait_s, WAIT_S_MAX) * 1000))
    with session.transaction() as tx:
        tx.execute(WAIT_MAX, (str(wait_ms),))
        try:
            tx.execute(WAIT, (UUID(bytes=merchant_id),))
        except LockNotAvailable as error:
            who = uuid_text(merchant_id)
            raise Unavailable(f"audit rows of {who} are being moved by another") from error
    try:
        yield
    finally:
        _release(session, merchant_id)


def _release(session: EngineSession, merchant_id: MerchantId) -> None:
    # A connection that is gone took the lock with it.
    with suppress(GamificationError), session.transaction() as tx:
        tx.execute(RELEASE, (UUID(bytes=merchant_id),))
