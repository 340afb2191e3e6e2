"""Compare leaderboards in Redis with the totals in Postgres that they are made of.

The projection is always a little behind. So what differs is looked at again, some times: only
what stays as it was, on both sides, is a difference.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from gamification.adapters.postgres import boards
from gamification.adapters.postgres.boards import Kept
from gamification.adapters.postgres.connection import Database
from gamification.adapters.redis import keys, leaderboard
from gamification.adapters.redis.connection import Client
from gamification.domain.board import Board, Totals
from gamification.domain.difference import Check, Findings
from gamification.domain.ids import MerchantId, uuid_text

PAGE_CUSTOMERS: Final = 2_000
LOOKS: Final = 3
AGAIN_AFTER_S: Final = 2.0


class Place(NamedTuple):
    """A customer's total on a board, or how many have one."""

    board: Board
    customer: str
    """As text; EVERYBODY for the number of places."""


class Both(NamedTuple):
    """What each of the two says."""

    redis: int | None
    postgres: int


EVERYBODY: Final = "all"
Differing = dict[Place, Both]


class BoardReconciler:
    """For one run. `wait` sleeps so many seconds; it may raise to break off."""

    def __init__(
        self, database: Database, client: Client, kept: Kept, wait: Callable[[float], object]
    ) -> None:
        self._database = database
        self._client = client
        self._kept = kept
        self._wait = wait
        self.findings = Findings(Check.BOARDS)
        self.differing: list[MerchantId] = []
        """Merchants whose boards differ: for repair."""

    def look(self, merchant_id: MerchantId) -> None:
        """All kept boards of one merchant. Raises Unavailable or Halt."""
        found, compared = self._compare(merchant_id)
        for _ in range(LOOKS - 1):
            if not found:
                break
            self._wait(AGAIN_AFTER_S)
            again, compared = self._compare(merchant_id)
            found = {place: both for place, both in found.items() if again.get(place) == both}
        self.findings.compared += compared
        for place, (redis, postgres) in found.items():
            self.findings.differ(
                uuid_text(merchant_id),
                f"{keys.leaderboard(place.board)}, {_who(place)}",
                "no place" if redis is None else f"{redis:,}",
                f"{postgres:,}",
                is_derived=True,
            )
        if found:
            self.differing.append(merchant_id)

    def _compare(self, merchant_id: MerchantId) -> tuple[Differing, int]:
        found: Differing = {}
        places: dict[Board, int] = {Board(merchant_id): 0}
        first: bytes | None = boards.FIRST_CUSTOMER
        while first is not None:
            page, first = boards.page(
                self._database, merchant_id, first, PAGE_CUSTOMERS, self._kept
            )
            self._differing(page, found)
            for board, totals in page.items():
                places[board] = places.get(board, 0) + totals.places
        for board, wanted in places.items():
            held = leaderboard.size(self._client, board)
            if held != wanted:
                found[Place(board, EVERYBODY)] = Both(held, wanted)
        return found, sum(places.values())

    def _differing(self, page: Mapping[Board, Totals], found: Differing) -> None:
        for board, totals in page.items():
            words = totals.packed.split(" ")
            members, wanted = words[1::2], map(int, words[::2])
            held = leaderboard.scores(self._client, board, members)
            for member, redis, postgres in zip(members, held, wanted, strict=True):
                if redis != postgres:
                    found[Place(board, member)] = Both(redis, postgres)


def _who(place: Place) -> str:
    return "how many" if place.customer == EVERYBODY else f"customer {place.customer}"
