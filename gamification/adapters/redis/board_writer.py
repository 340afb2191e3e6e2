"""Write boards: totals that changed, a whole board anew, and the check that none was lost."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from gamification.adapters.redis import board_scripts as scripts
from gamification.adapters.redis import keys
from gamification.adapters.redis.connection import Client, evaluate_many, translated
from gamification.domain.board import Board, Totals, expires_s

ABANDONED_AFTER_S: Final = 600
"""A build that gets no page for this long is taken away by Redis."""

SCAN_KEYS: Final = 1_000


class Outcome(StrEnum):
    WRITTEN = "written"
    LOST = "lost"
    """Not there, not complete, or written by somebody unknown: build it anew."""
    AHEAD = "ahead"
    """Somebody else wrote newer changes: nothing to do for this board."""
    EXPIRED = "expired"
    """By Redis' clock its period is over for so long that the board is not kept."""


class BoardWriter:
    """Writes for one epoch: the time from one complete rebuild to the next.

    Every method raises Unavailable or Halt; then any part of the work may have been done, and
    doing it again is right.
    """

    def __init__(self, client: Client, epoch: str, keep_days: int) -> None:
        self._client = client
        self._epoch = epoch
        self._keep_days = keep_days

    def apply(
        self, totals: Mapping[Board, Totals], expected: Mapping[Board, int], change_id: int
    ) -> dict[Board, Outcome]:
        """Make each board hold all changes up to `change_id`, given the totals that they moved.

        `expected` is what each board holds at least; a board that is not in it is new. One script
        for each board, so a board never holds half of a round.
        """
        calls = []
        for board, moved in totals.items():
            key = keys.leaderboard(board)
            arguments = (
                *(keys.FORMAT, self._epoch, expected.get(board, ""), change_id),
                *(self._expires_s(board), moved.packed),
            )
            calls.append(((keys.position(key), key), arguments))
        return self._outcomes(totals, scripts.APPLY, calls)

    def stage(self, totals: Mapping[Board, Totals], builder: str) -> dict[Board, int]:
        """Add a page to the boards being built by `builder`; return how many members each has."""
        calls = [
            ((keys.building(keys.leaderboard(board), builder),), (page.packed, ABANDONED_AFTER_S))
            for board, page in totals.items()
        ]
        return dict(zip(totals, evaluate_many(self._client, scripts.STAGE, calls), strict=True))

    def publish(
        self, staged: Mapping[Board, int], builder: str, change_id: int
    ) -> dict[Board, Outcome]:
        """Put each built board in the place of the old one, complete up to `change_id`.

        `staged` says how many members each must have: LOST when Redis was emptied meanwhile.
        """
        calls = []
        for board, members in staged.items():
            key = keys.leaderboard(board)
            names = (keys.position(key), key, keys.building(key, builder))
            expires = self._expires_s(board)
            calls.append((names, (keys.FORMAT, self._epoch, change_id, members, expires)))
        return self._outcomes(staged, scripts.PUBLISH, calls)

    def check(self, expected: Mapping[Board, int]) -> dict[Board, Outcome]:
        """Whether each board is there and holds what it must: WRITTEN, LOST or EXPIRED."""
        calls = []
        for board, change_id in expected.items():
            key = keys.leaderboard(board)
            arguments = (keys.FORMAT, self._epoch, change_id, self._expires_s(board))
            calls.append(((keys.position(key), key), arguments))
        return self._outcomes(expected, scripts.CHECK, calls)

    def remove(self, boards: Iterable[Board]) -> None:
        """Take boards away that are not kept any more, before Redis does by itself."""
        for board in boards:
            key = keys.leaderboard(board)
            with translated():
                self._client.unlink(keys.position(key), key)

    def sweep(self, known: Iterable[Board]) -> int:
        """Take away the boards of other epochs that are not `known`; return how many.

        They stay behind when Redis served another database before, or lost the list of boards.
        """
        wanted = {keys.leaderboard(board) for board in known}
        with translated():
            found = {
                key.decode(errors="replace")
                for key in self._client.scan_iter(match=keys.ALL_LEADERBOARDS, count=SCAN_KEYS)
            }
        calls = [((keys.position(key), key), (self._epoch,)) for key in sorted(found - wanted)]
        gone = 0
        for first in range(0, len(calls), SCAN_KEYS):
            page = calls[first : first + SCAN_KEYS]
            gone += sum(1 for n in evaluate_many(self._client, scripts.DROP, page) if n)
        return gone

    def _expires_s(self, board: Board) -> int:
        return expires_s(board, self._keep_days)

    def _outcomes(
        self,
        boards: Iterable[Board],
        script: str,
        calls: Sequence[tuple[Sequence[str], Sequence[str | int]]],
    ) -> dict[Board, Outcome]:
        answers = evaluate_many(self._client, script, calls)
        return {
            board: Outcome(answer.decode()) for board, answer in zip(boards, answers, strict=True)
        }


def distrust(client: Client, boards: Iterable[Board]) -> None:
    """Take away what says that these boards are complete: the next check finds them lost.

    Raises Unavailable or Halt.
    """
    for board in boards:
        with translated():
            client.unlink(keys.position(keys.leaderboard(board)))
