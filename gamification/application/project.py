"""Postgres' changes -> Redis: keep every leaderboard equal to what Postgres says.

Redis holds nothing of its own: what it lost is written anew, and how far we are is lost with it.
Only current totals are written, each board under a position that never goes back, so anything may
be done twice, late, or by two processes at once.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from threading import Event
from typing import Final

from gamification.adapters.postgres import boards, changes, partitions
from gamification.adapters.postgres.boards import Kept
from gamification.adapters.postgres.connection import Database
from gamification.adapters.postgres.wakeup import Channel, Wakeup
from gamification.adapters.redis import progress
from gamification.adapters.redis.board_writer import BoardWriter
from gamification.adapters.redis.connection import Address, Client, close, connect
from gamification.adapters.redis.progress import Progress
from gamification.application.build_boards import Builder
from gamification.application.leaderboards import Leaderboards, Overtaken
from gamification.domain.errors import GamificationError, Unavailable
from gamification.telemetry import logs, metrics

NAME: Final = "gamification-project"

WAIT_S: Final = 0.25
"""A lost notification costs this much, never a change."""

STANDBY_S: Final = 0.5
GATHER_S: Final = 0.015
"""Pause after a round, so that under load one round takes the changes of several commits."""

CHECK_EVERY_S: Final = 1.0
UPKEEP_EVERY_S: Final = 60.0

PARTITION_ROWS: Final = 1_000_000
PARTITIONS_AHEAD: Final = 2

log = logs.get("project")


def today_utc() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True)
class Ends:
    """What the projection reads from, and what it writes to."""

    postgres_dsn: str
    redis: Address


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once, and how long things are kept."""

    board_keep_days: int
    """A period's board is kept this long after its end."""
    changes_keep_hours: int
    items_max: int = 10_000
    """Changes of one round; it is also what Redis does in one go at most, some 20 ms."""


class _Stopping(Exception):
    """We were asked to stop in the middle of a long piece of work."""


@dataclass(slots=True)
class _Session:
    """What is open. Thrown away as a whole after any failure."""

    database: Database
    wakeup: Wakeup
    redis: Client

    def close(self) -> None:
        self.database.close()
        self.wakeup.close()
        close(self.redis)


class Projection:
    """Call `turn` again and again; after Unavailable call `recover` first. For one thread."""

    def __init__(
        self,
        ends: Ends,
        limits: Limits,
        stop: Event,
        beat: Callable[[], None] = lambda: None,
        today: Callable[[], date] = today_utc,
    ) -> None:
        self._ends = ends
        self._limits = limits
        self._stop = stop
        self._beat = beat
        self._today = today
        self._session: _Session | None = None
        self._boards: Leaderboards | None = None
        self._check_at = 0.0
        self._upkeep_at = 0.0
        self._problem: str | None = "starting"

    @property
    def change_id(self) -> int | None:
        """The change up to which all boards are; None while another process projects."""
        return None if self._boards is None else self._boards.change_id

    def check(self) -> None:
        """For /ready, from any thread. Raises Unavailable with what is wrong."""
        if self._problem is not None:
            raise Unavailable(self._problem)

    def turn(self) -> None:
        """One round, or a short wait for one. Raises Unavailable or Halt."""
        session = self._session or self._open()
        try:
            if self._boards is None:
                if not changes.try_to_lead(session.database):
                    self._problem = None
                    self._stop.wait(STANDBY_S)
                    return
                self._boards = self._lead(session)
            self._problem = None
            self._turn(session, self._boards)
        except Overtaken as error:
            log.warning("projection_overtaken", reason=str(error))
            self._boards = None
        except _Stopping:
            return

    def recover(self, error: Unavailable | None = None) -> None:
        """Close everything and forget what an outage may have made untrue."""
        self._problem = str(error) if error is not None else "starting"
        self._boards = None
        if self._session is not None:
            session, self._session = self._session, None
            session.close()

    def _open(self) -> _Session:
        dsn = self._ends.postgres_dsn
        database = boards.open_boards(dsn, NAME)
        wakeup = None
        try:
            wakeup = Wakeup(dsn, Channel.CHANGES)
            self._session = _Session(database, wakeup, connect(self._ends.redis, NAME))
        except GamificationError:
            database.close()
            if wakeup is not None:
                wakeup.close()
            raise
        return self._session

    def _turn(self, session: _Session, leaderboards: Leaderboards) -> None:
        now = time.monotonic()
        if now >= self._check_at:
            self._check_at = now + CHECK_EVERY_S
            leaderboards.check(self._kept())
            rows, age_s = changes.backlog(session.database, leaderboards.change_id)
            metrics.CHANGES_ROWS.set(rows)
            metrics.CHANGES_AGE.set(age_s)
        if now >= self._upkeep_at:
            self._upkeep_at = now + UPKEEP_EVERY_S
            self._upkeep(session, leaderboards.change_id)
        items_max = self._limits.items_max
        following = changes.next_round(session.database, leaderboards.change_id, items_max)
        if following is None:
            session.wakeup.wait(WAIT_S)
            return
        leaderboards.project(following, self._kept())
        self._stop.wait(GATHER_S)

    def _lead(self, session: _Session) -> Leaderboards:
        """Go on from where Redis says we are, or begin anew when it does not say."""
        known, seen = progress.load(session.redis)
        ours = changes.incarnation(session.database)
        useless = _why_useless(session.database, known, ours, self._kept())
        if known is None or useless:
            return self._begin_anew(session, ours, seen, useless)
        log.info("projection_continues", change_id=known.change_id, boards=len(known.boards))
        leaderboards = self._leaderboards(session, known)
        leaderboards.check(self._kept(), everything=True)
        return leaderboards

    def _begin_anew(self, session: _Session, ours: str, seen: str, cause: str) -> Leaderboards:
        """Write every board from Postgres, then go on from the change that was newest before."""
        began = time.monotonic()
        log.warning("leaderboards_rebuild", reason=cause)
        change_id = changes.newest(session.database)
        epoch = uuid.uuid4().hex
        writer = self._writer(session, epoch)
        kept = self._kept()
        built = self._builder(session, writer).build_all(kept)
        done = Progress(ours, epoch, change_id, kept.day, built)
        if not progress.begin(session.redis, done, seen):
            raise Overtaken("while all leaderboards were built")
        writer.sweep(built)
        metrics.REBUILDS.labels(cause).inc(len(built))
        took_s = round(time.monotonic() - began, 2)
        log.info("leaderboards_rebuilt", boards=len(built), change_id=change_id, took_s=took_s)
        leaderboards = self._leaderboards(session, done)
        leaderboards.check(self._kept(), everything=True)
        return leaderboards

    def _leaderboards(self, session: _Session, known: Progress) -> Leaderboards:
        writer = self._writer(session, known.epoch)
        builder = self._builder(session, writer)
        return Leaderboards(session.database, session.redis, writer, builder, known)

    def _writer(self, session: _Session, epoch: str) -> BoardWriter:
        return BoardWriter(session.redis, epoch, self._limits.board_keep_days)

    def _builder(self, session: _Session, writer: BoardWriter) -> Builder:
        return Builder(session.database, writer, self._alive)

    def _upkeep(self, session: _Session, change_id: int) -> None:
        table = changes.TABLE
        partitions.ensure(session.database, table, PARTITION_ROWS, PARTITIONS_AHEAD)
        keep_hours = self._limits.changes_keep_hours
        dropped = partitions.drop_consumed(session.database, table, change_id, keep_hours)
        if dropped:
            log.info("changes_dropped", partitions=dropped)

    def _kept(self) -> Kept:
        return Kept.on(self._today(), self._limits.board_keep_days)

    def _alive(self) -> None:
        self._beat()
        if self._stop.is_set():
            raise _Stopping


def _why_useless(database: Database, known: Progress | None, ours: str, kept: Kept) -> str:
    """Why we cannot go on from what Redis remembers; empty when we can."""
    if known is None:
        return "missing"
    if known.incarnation != ours:
        return "other_database"
    if known.change_id > changes.newest(database):
        return "ahead_of_database"
    if known.kept_from > kept.day:
        return "kept_longer"
    if not changes.is_retained(database, known.change_id):
        return "too_far_behind"
    return ""
