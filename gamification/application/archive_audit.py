"""Move audit rows that are older than their merchant keeps them here into the object store.

For one UTC day of one merchant at a time, in parts of bounded size: write an object, list it, read
it back, and only then delete the rows whose ids were read back. A crash between any two steps is
resumed from the list of objects: a part that was not read back is written once more under the same
key, rows of one that was are deleted once more. Then colder, and at last gone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from gamification.adapters.archive.connection import Missing
from gamification.adapters.archive.store import Corrupt, Store
from gamification.adapters.postgres import audit_archive, audit_locks, audit_rows
from gamification.adapters.postgres.audit_archive import Part, Standing, Terms
from gamification.adapters.postgres.session import EngineSession
from gamification.domain.days import DAY_S, to_date
from gamification.domain.errors import Halt, Unavailable
from gamification.domain.ids import MerchantId, uuid_text
from gamification.telemetry import logs
from gamification.telemetry.killpoints import reached
from gamification.wire.audit_archive import Damaged, Packed, Packer, ids, key_of

COLD_AFTER_DAYS: Final = 180
"""Of the rows' age, as `audit_keep_months` is."""

OVERDUE_DAYS: Final = 3
"""Rows that should have been archived so long ago: nobody does it."""

DAY_MS: Final = DAY_S * 1000

log = logs.get("archive_audit")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is in memory at once."""

    part_rows: int = 50_000
    part_bytes: int = 32 * 1024 * 1024
    """Of JSON. A part ends with the row that goes beyond."""
    read_rows: int = 1_000

    @property
    def unpacked_max(self) -> int:
        return 2 * self.part_bytes + 64 * 1024 * 1024


@dataclass(slots=True)
class Done:
    """What a run did for one merchant."""

    merchant_id: MerchantId
    rows: int = 0
    """Archived, and deleted here."""
    objects: int = 0
    made_cold: int = 0
    deleted: int = 0
    """Objects at the end of their time."""
    busy: bool = False
    """A purge is at it, or was interrupted: left alone."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is where for one merchant, and what waits."""

    merchant_id: MerchantId
    terms: Terms
    waiting: int
    """Rows older than `terms.retention_days`; audit_rows.COUNT_MAX at most."""
    overdue: bool
    standing: Standing


class Archiver:
    """For one thread, on a connection of its own."""

    def __init__(
        self,
        session: EngineSession,
        store: Store,
        now_ms: Callable[[], int],
        bounds: Bounds | None = None,
    ) -> None:
        self._session = session
        self._store = store
        self._now_ms = now_ms
        self._bounds = bounds or Bounds()

    def run(self, merchant_id: MerchantId | None = None) -> Iterator[Done]:
        """Do all that is due, for one merchant or for each in turn.

        Raises Unavailable (also when another run is under way), Corrupt, Halt. What was done
        stays done, and the next run goes on from there.
        """
        if not audit_locks.lead(self._session):
            raise Unavailable("another run archives audit rows; this one is not needed")
        if merchant_id is not None:
            yield self._of(merchant_id)
            return
        for each in merchants(self._session):
            yield self._of(each)

    def _of(self, merchant_id: MerchantId) -> Done:
        done = Done(merchant_id)
        terms = audit_archive.terms(self._session, merchant_id)
        today = self._now_ms() // DAY_MS
        steps: tuple[Callable[[], bool], ...] = (
            lambda: self._archive_part(done, today - terms.retention_days),
            lambda: self._cool(done, today - COLD_AFTER_DAYS),
            lambda: self._expire(done, terms.keep_months, today),
        )
        # The lock is given back after each step, so that a purge never waits for long.
        for step in steps:
            more = True
            while more and not done.busy:
                with audit_locks.held_if_free(self._session, merchant_id) as is_held:
                    done.busy = not is_held
                    more = is_held and step()
        return done

    def _archive_part(self, done: Done, before_day: int) -> bool:
        """One object, from its rows to their deletion; whether there may be more."""
        part = audit_archive.unfinished(self._session, done.merchant_id)
        if part is not None and part.status == "purging":
            done.busy = True
            return False
        if part is None:
            day = audit_rows.oldest_day(self._session, done.merchant_id, before_day)
            if day is None:
                return False
            part = self._write(done.merchant_id, day)
        done.rows += self._finish(part)
        done.objects += 1
        return True

    def _write(self, merchant_id: MerchantId, day: int) -> Part:
        number = audit_archive.next_part(self._session, merchant_id, day)
        place = self._store.place
        key = key_of(place.prefix, merchant_id, to_date(day), number)
        packed = self._pack(merchant_id, day)
        self._store.put(key, packed.body)
        reached("archive.after_put")
        size = len(packed.body)
        part = Part(merchant_id, day, number, place.bucket, key, packed.rows, size, packed.sha256)
        audit_archive.record(self._session, part)
        reached("archive.after_record")
        return part

    def _pack(self, merchant_id: MerchantId, day: int) -> Packed:
        """The day's oldest rows, as many as one object may have."""
        bounds, packer, after = self._bounds, Packer(merchant_id), audit_rows.before(day)
        while packer.rows < bounds.part_rows and packer.bytes < bounds.part_bytes:
            limit = min(bounds.read_rows, bounds.part_rows - packer.rows)
            rows = audit_rows.read(self._session, merchant_id, day, after, limit)
            for row in rows:
                packer.add(row)
            if len(rows) < limit:
                break
            after = audit_rows.Place(rows[-1].created_at, rows[-1].id)
        return packer.done()

    def _finish(self, part: Part) -> int:
        """Read the object back, then delete its rows here; how many were deleted."""
        gone = self._read_back(part)
        if part.status == "written":
            audit_archive.mark(self._session, part, "verified")
        reached("archive.after_verify")
        deleted, step = 0, audit_rows.CHUNK_ROWS_MAX
        for start in range(0, len(gone), step):
            some = gone[start : start + step]
            deleted += audit_rows.delete(self._session, part.merchant_id, some)
            reached("archive.after_delete")
        audit_archive.mark(self._session, part, "cleared")
        log.info(
            "audit_archived",
            merchant_id=uuid_text(part.merchant_id),
            day=to_date(part.day).isoformat(),
            key=part.key,
            rows=part.rows,
        )
        return deleted

    def _read_back(self, part: Part) -> list[bytes]:
        """The ids that the object holds. Raises Corrupt; a part never trusted is then forgotten."""
        try:
            body = self._store.read_verified(part.bucket, part.key, part.bytes, part.sha256)
            found = ids(body, self._bounds.unpacked_max)
            if len(found) != part.rows:
                raise Damaged(f"{len(found)} rows instead of {part.rows}")
        except (Missing, Corrupt, Damaged) as error:
            if part.status == "written":
                audit_archive.forget(self._session, [part])
                what = "no row was deleted, and the next run writes it anew"
            else:
                what = "it was good once and some of its rows may be deleted: look at the store"
            raise Corrupt(f"archive: {part.bucket}/{part.key}: {error}; {what}") from error
        return found

    def _cool(self, done: Done, before_day: int) -> bool:
        cold = self._store.cold
        parts = audit_archive.warm(self._session, done.merchant_id, before_day) if cold else []
        for part in parts:
            try:
                bucket = self._store.make_cold(part.bucket, part.key, part.bytes, part.sha256)
            except Missing as error:
                raise Halt(f"{error}: it is listed, but not in the store") from error
            reached("archive.after_cool")
            audit_archive.mark_cold(self._session, part, bucket, cold)
            done.made_cold += 1
        return len(parts) == audit_archive.LIST_MAX

    def _expire(self, done: Done, keep_months: int, today: int) -> bool:
        parts = audit_archive.expired(self._session, done.merchant_id, keep_months, today)
        for bucket in {part.bucket for part in parts}:
            self._store.delete(bucket, [part.key for part in parts if part.bucket == bucket])
        reached("archive.after_expire")
        audit_archive.forget(self._session, parts)
        done.deleted += len(parts)
        return len(parts) == audit_archive.LIST_MAX


def merchants(session: EngineSession) -> Iterator[MerchantId]:
    """Everyone who has, or may have, audit rows here or archived. Raises Unavailable, Halt."""
    found = audit_rows.merchants(session, None)
    while found is not None:
        yield found
        found = audit_rows.merchants(session, found)


def look(session: EngineSession, merchant_id: MerchantId, now_ms: int) -> Look:
    """Change nothing. Raises Unavailable, Halt."""
    terms = audit_archive.terms(session, merchant_id)
    today = now_ms // DAY_MS
    limit = today - terms.retention_days
    return Look(
        merchant_id,
        terms,
        audit_rows.count(session, merchant_id, limit),
        audit_rows.oldest_day(session, merchant_id, limit - OVERDUE_DAYS) is not None,
        audit_archive.standing(
            session, merchant_id, today - COLD_AFTER_DAYS, terms.keep_months, today
        ),
    )
