"""Write boards anew from Postgres: those that were lost, or all of them.

A board is built beside the old one and put in its place in one step, so nobody ever sees half of
one. The newest change is read before the first total, so the totals hold at least all changes up
to it, and what happens meanwhile is projected afterwards as usual.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from gamification.adapters.postgres import boards, changes
from gamification.adapters.postgres.boards import Kept
from gamification.adapters.postgres.connection import Database
from gamification.adapters.redis.board_writer import BoardWriter, Outcome
from gamification.domain.board import Board, Totals
from gamification.domain.errors import Unavailable
from gamification.domain.ids import MerchantId
from gamification.telemetry.killpoints import reached

PAGE_CUSTOMERS: Final = 2_000
CHECKED_AT_ONCE: Final = 500


class Builder:
    """Builds for one epoch. `alive` is called at every step and may raise to break off."""

    def __init__(self, database: Database, writer: BoardWriter, alive: Callable[[], None]) -> None:
        self._database = database
        self._writer = writer
        self._alive = alive

    def build(
        self, merchant_id: MerchantId, kept: Kept, wanted: Collection[Board] | None = None
    ) -> dict[Board, int]:
        """Build the `wanted` boards of one merchant, None for all; return what each holds.

        A wanted board that nobody has a place on any more becomes an empty one. One that Redis'
        clock has expired counts as built: it is missed when that clock says otherwise. Raises
        Unavailable (also when Redis was emptied meanwhile) or Halt.
        """
        change_id = changes.newest(self._database)
        builder = uuid.uuid4().hex
        staged: dict[Board, int] = dict.fromkeys(wanted or (), 0)
        first: bytes | None = boards.FIRST_CUSTOMER
        while first is not None:
            self._alive()
            places, first = boards.page(self._database, merchant_id, first, PAGE_CUSTOMERS, kept)
            if wanted is not None:
                places = {board: totals for board, totals in places.items() if board in wanted}
            self._stage(staged, places, builder)
        reached("project.before_publish")
        outcomes = self._writer.publish(staged, builder, change_id)
        if Outcome.LOST in outcomes.values():
            raise Unavailable("redis was emptied while a leaderboard was built")
        return dict.fromkeys(outcomes, change_id)

    def build_all(self, kept: Kept) -> dict[Board, int]:
        """Build every board of every merchant. As `build`."""
        built: dict[Board, int] = {}
        for merchant_id in boards.merchants(self._database):
            built |= self.build(merchant_id, kept)
        return built

    def build_some(self, wanted: Iterable[Board], kept: Kept) -> dict[Board, int]:
        """Build these boards. As `build`."""
        of_merchant: dict[MerchantId, set[Board]] = {}
        for board in wanted:
            of_merchant.setdefault(board.merchant_id, set()).add(board)
        built: dict[Board, int] = {}
        for merchant_id, its in of_merchant.items():
            built |= self.build(merchant_id, kept, its)
        return built

    def check(self, expected: Mapping[Board, int]) -> list[Board]:
        """Look at each board; return those that were lost."""
        everything = list(expected)
        lost: list[Board] = []
        for first in range(0, len(everything), CHECKED_AT_ONCE):
            self._alive()
            some = {b: expected[b] for b in everything[first : first + CHECKED_AT_ONCE]}
            outcomes = self._writer.check(some)
            lost += [board for board, outcome in outcomes.items() if outcome is Outcome.LOST]
        return lost

    def _stage(self, staged: dict[Board, int], places: Mapping[Board, Totals], name: str) -> None:
        for board, members in self._writer.stage(places, name).items():
            staged[board] = staged.get(board, 0) + places[board].places
            if members != staged[board]:
                raise Unavailable("redis was emptied while a leaderboard was built")
