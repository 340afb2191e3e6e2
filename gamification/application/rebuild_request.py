"""Ask the running projection to write boards anew, for an operator who does not trust them.

Nothing is built here: taking away what says that a board is complete makes the projection find it
lost within seconds. Until the new one is there the old one stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gamification.adapters.redis import progress
from gamification.adapters.redis.board_writer import BoardWriter, Outcome, distrust
from gamification.adapters.redis.connection import Client
from gamification.domain.board import Board
from gamification.domain.errors import Unavailable
from gamification.domain.ids import MerchantId


@dataclass(frozen=True, slots=True)
class Request:
    """`boards`: each and the change it holds; `epoch`: None when a part of all boards is meant."""

    boards: Sequence[tuple[Board, int]]
    epoch: str | None


def plan(client: Client, merchant_id: MerchantId | None) -> Request:
    """The boards of one merchant, or all. Raises Unavailable (also when nobody knows any), Halt."""
    known, _ = progress.load(client)
    if known is None:
        raise Unavailable("redis knows no leaderboards: a running projection writes all of them")
    of_all = merchant_id is None
    boards = [item for item in known.boards.items() if of_all or item[0].merchant_id == merchant_id]
    boards.sort(key=lambda item: (item[0].merchant_id, item[0].period, item[0].start))
    return Request(boards, known.epoch if of_all else None)


def ask(client: Client, request: Request) -> None:
    """Make the projection find these boards lost. Raises Unavailable or Halt."""
    if request.epoch is not None:
        progress.discard(client)
    else:
        distrust(client, (board for board, _ in request.boards))


def is_done(client: Client, request: Request, keep_days: int) -> bool:
    """Whether all of them were written anew. Raises Unavailable or Halt."""
    known, _ = progress.load(client)
    if known is None or known.epoch == request.epoch:
        return False
    if request.epoch is not None:
        return True
    outcomes = BoardWriter(client, known.epoch, keep_days).check(dict(request.boards))
    return Outcome.LOST not in outcomes.values()
