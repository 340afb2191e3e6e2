"""Delete all audit rows and archived objects of one merchant, and say so in one entry.

Every step can be done again: after an interruption, or for a merchant that was purged before, the
same call goes on, and the entry of the last one is the only one that remains. Entries made while
it runs stay.
"""

import math
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, NamedTuple

import orjson

from gamification.adapters.archive.store import DELETE_MAX, Store
from gamification.adapters.postgres import audit, audit_archive, audit_locks, audit_rows, outbox
from gamification.adapters.postgres.session import EngineSession
from gamification.domain.audit import Entry
from gamification.domain.errors import Unavailable
from gamification.domain.ids import MerchantId, uuid_text
from gamification.telemetry import logs
from gamification.telemetry.killpoints import reached
from gamification.wire.audit import announced
from gamification.wire.audit_archive import folder_of

ACTION: Final = "audit.purge"

log = logs.get("purge_audit")


class Purged(NamedTuple):
    """What one call deleted."""

    rows: int
    objects: int


class Purger:
    """For one thread, on a connection of its own. `store` None: no bucket is set."""

    def __init__(
        self,
        session: EngineSession,
        store: Store | None,
        now_ms: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._store = store
        self._now_ms = now_ms
        self._clock = clock
        self._deadline_s = math.inf
        self._rows = 0
        self._objects = 0

    def purge(self, merchant_id: MerchantId, actor: str, deadline_s: float = math.inf) -> Purged:
        """Delete what was there when it began; return when all of it is gone.

        `actor`: who wants it, kept in the entry. `deadline_s`: a time of the clock (seconds,
        monotonic) at which it stops between two steps. Raises Unavailable then, saying how far
        it came, and when Postgres, the store or another who moves these rows does not let it go
        on; Halt. Nothing is said to be purged before it is: the entry comes last.
        """
        self._deadline_s, self._rows, self._objects = deadline_s, 0, 0
        wait_s = self._left_s()
        with audit_locks.held(self._session, merchant_id, wait_s):
            until = audit_archive.begin_purge(self._session, merchant_id)
            reached("purge.after_begin")
            self._delete_objects(merchant_id)
            audit_archive.forget_all(self._session, merchant_id)
            reached("purge.after_objects")
            self._delete_rows(merchant_id, until, actor)
        log.info(
            "audit_purged",
            merchant_id=uuid_text(merchant_id),
            rows=self._rows,
            objects=self._objects,
        )
        return Purged(self._rows, self._objects)

    def _delete_objects(self, merchant_id: MerchantId) -> None:
        """Those that are listed, wherever they are, and those that the store has besides."""
        known = audit_archive.known_objects(self._session, merchant_id)
        if self._store is None:
            if known:
                raise Unavailable(
                    f"{len(known)} archived objects are known, but GAMIFICATION_ARCHIVE_BUCKET is "
                    "not set; nothing was deleted"
                )
            return
        folder = folder_of(self._store.place.prefix, merchant_id)
        buckets = dict.fromkeys((*self._store.buckets, *(bucket for bucket, _ in known)))
        for bucket in buckets:
            self._delete_pages(bucket, self._store.keys(bucket, folder))
            # Written under another prefix, before the setting changed.
            elsewhere = [key for b, key in known if b == bucket and not key.startswith(folder)]
            pages = range(0, len(elsewhere), DELETE_MAX)
            self._delete_pages(bucket, (elsewhere[at : at + DELETE_MAX] for at in pages))

    def _delete_pages(self, bucket: str, pages: Iterable[list[str]]) -> None:
        for keys in pages:
            self._left_s()
            if self._store is not None:
                self._store.delete(bucket, keys)
            self._objects += len(keys)
            reached("purge.after_page")

    def _delete_rows(self, merchant_id: MerchantId, until: datetime, actor: str) -> None:
        """In short transactions; the last one also leaves the entry and announces it."""
        after: audit_rows.Place | None = audit_rows.BEFORE_ALL
        while after is not None:
            self._left_s()
            with self._session.transaction() as tx:
                deleted, after = audit_rows.delete_next(tx, merchant_id, until, after)
                if after is None:
                    entry = self._entry(merchant_id, actor, self._rows + deleted)
                    audit.append(tx, [entry])
                    outbox.append(tx, announced([entry], self._now_ms()), [])
                    reached("purge.before_commit")
            self._rows += deleted
            reached("purge.after_rows")

    def _entry(self, merchant_id: MerchantId, actor: str, rows: int) -> Entry:
        details = orjson.dumps({"rows": str(rows), "objects": str(self._objects)}).decode()
        subject = f"merchant:{uuid_text(merchant_id)}"
        # Each purge is a fact of its own, also when it found nothing.
        return Entry(merchant_id, actor, ACTION, subject, details, cause=str(uuid.uuid4()))

    def _left_s(self) -> float:
        """Seconds that are left. Raises Unavailable when there are none."""
        left = self._deadline_s - self._clock()
        if left <= 0:
            raise Unavailable(
                f"out of time: {self._rows} audit rows and {self._objects} archived objects are "
                "deleted; call again to go on"
            )
        return left
