"""All leaderboards together, for the process that leads: one round, one check, one repair.

Nothing here trusts what it remembers: whatever Redis says otherwise ends in Overtaken, and the
leader starts over from what Redis says.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from gamification.adapters.postgres import boards
from gamification.adapters.postgres.boards import Kept
from gamification.adapters.postgres.changes import Round
from gamification.adapters.postgres.connection import Database
from gamification.adapters.redis import progress
from gamification.adapters.redis.board_writer import BoardWriter, Outcome
from gamification.adapters.redis.connection import Client
from gamification.adapters.redis.progress import Progress
from gamification.application.build_boards import CHECKED_AT_ONCE, Builder
from gamification.domain.board import Board
from gamification.telemetry import logs, metrics
from gamification.telemetry.killpoints import reached

log: Final = logs.get("project")


class Overtaken(Exception):
    """Redis does not say what it said before: it was emptied, went back, or somebody is ahead."""


class Leaderboards:
    """For one thread, one database, one epoch. Methods raise Overtaken, Unavailable or Halt."""

    def __init__(
        self,
        database: Database,
        redis: Client,
        writer: BoardWriter,
        builder: Builder,
        known: Progress,
    ) -> None:
        self._database = database
        self._redis = redis
        self._writer = writer
        self._builder = builder
        self._known = replace(known, boards={})
        self._expected = dict(known.boards)
        self._unchecked: list[Board] = []

    @property
    def change_id(self) -> int:
        """Every change up to this one is on all boards."""
        return self._known.change_id

    def project(self, following: Round, kept: Kept) -> None:
        """Bring what `following` moved to all boards that it moved."""
        began = time.monotonic()
        self._must_cover(kept)
        reached("project.after_changes_read")
        totals = boards.moved(self._database, following.after, following.until, kept)
        reached("project.before_redis_write")
        outcomes = self._writer.apply(totals, self._expected, following.until)
        reached("project.after_redis_write")
        self.restore((b for b, outcome in outcomes.items() if outcome is Outcome.LOST), kept)
        # Of a board that is ahead we know only what we knew. One that is over by Redis' clock and
        # not by ours is held to be there, so that it is missed once the clocks agree.
        done = (Outcome.WRITTEN, Outcome.EXPIRED)
        held = {b: following.until for b, outcome in outcomes.items() if outcome in done}
        self._advance(following.until, kept.day, held)
        took_s = time.monotonic() - began
        metrics.PROJECTION_DELAY.observe([age_s + took_s for age_s in following.ages_s])
        metrics.BATCH_ITEMS.observe(following.items)
        metrics.BATCH_SECONDS.observe(took_s)
        metrics.PROJECTED.inc(following.items)

    def check(self, kept: Kept, *, everything: bool = False) -> None:
        """Find and build anew what was lost; a slice of the boards each time, or `everything`.

        An emptied server misses our progress and is found at once; an emptied node of a cluster
        is found by the boards that it had.
        """
        self._confirm()
        self._must_cover(kept)
        if everything or not self._unchecked:
            self._unchecked = list(self._expected)
        size = len(self._unchecked) if everything else CHECKED_AT_ONCE
        some, self._unchecked = self._unchecked[:size], self._unchecked[size:]
        self._let_go(board for board in some if not kept.holds(board))
        known = {board: self._expected[board] for board in some if board in self._expected}
        self.restore(self._builder.check(known), kept)

    def restore(self, lost: Iterable[Board], kept: Kept) -> None:
        """Build these boards anew, if they are still ours to build."""
        missed = set(lost)
        if not missed:
            return
        self._confirm()
        log.warning("leaderboards_lost", boards=len(missed))
        built = self._builder.build_some(missed, kept)
        metrics.REBUILDS.labels("lost").inc(len(built))
        self._advance(self.change_id, self._known.kept_from, built)

    def _must_cover(self, kept: Kept) -> None:
        """The clock may have gone back: then changes that count now were left out before."""
        if kept.day < self._known.kept_from:
            raise Overtaken("days are wanted again that were left out before")

    def _confirm(self) -> None:
        """Ask whether our progress is still there, and still ours."""
        self._advance(self.change_id, self._known.kept_from, {})

    def _advance(self, until: int, kept_from: date, held: Mapping[Board, int]) -> None:
        after = replace(self._known, change_id=until, kept_from=kept_from, boards=held)
        if not progress.advance(self._redis, self._known, after):
            raise Overtaken(f"at change {self.change_id}")
        self._known = replace(after, boards={})
        self._expected.update(held)

    def _let_go(self, over: Iterable[Board]) -> None:
        gone = [board for board in over if self._expected.pop(board, None) is not None]
        progress.forget(self._redis, self._known.epoch, gone)
        self._writer.remove(gone)
