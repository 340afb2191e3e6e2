"""Read boards. Competition rank: equal scores share the better rank (1, 2, 2, 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gamification.adapters.redis import keys
from gamification.adapters.redis.connection import Client, evaluate
from gamification.domain.board import Board
from gamification.domain.ids import CustomerId, uuid_text

TOP_MAX: Final = 1_000

RANK: Final = """
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score then return false end
return {score, redis.call('ZCOUNT', KEYS[1], '(' .. score, '+inf') + 1}
"""

SCORES: Final = "return redis.call('ZMSCORE', KEYS[1], unpack(ARGV))"
SIZE: Final = "return redis.call('ZCARD', KEYS[1])"

TOP: Final = "return redis.call('ZREVRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')"


@dataclass(frozen=True, slots=True)
class Place:
    """One customer's place; `exp` is the score, `rank` starts at 1."""

    customer_id: CustomerId
    exp: int
    rank: int


def top(client: Client, board: Board, places: int) -> list[Place]:
    """The best `places` (at most TOP_MAX) of a board, best first. Empty for an unknown board.

    Raises Unavailable or Halt.
    """
    wanted = min(places, TOP_MAX)
    if wanted < 1:
        return []
    flat = evaluate(client, TOP, (keys.leaderboard(board),), (wanted,))
    found: list[Place] = []
    for index, (member, score) in enumerate(zip(flat[::2], flat[1::2], strict=True), start=1):
        exp = int(float(score))
        shared = bool(found) and found[-1].exp == exp
        rank = found[-1].rank if shared else index
        found.append(Place(_customer(member), exp, rank))
    return found


def rank(client: Client, board: Board, customer_id: CustomerId) -> Place | None:
    """A customer's place; None without one. Raises Unavailable or Halt."""
    found = evaluate(client, RANK, (keys.leaderboard(board),), (uuid_text(customer_id),))
    return None if found is None else Place(customer_id, int(float(found[0])), found[1])


def scores(client: Client, board: Board, members: Sequence[str]) -> list[int | None]:
    """EXP of each of these customers (as text); None without a place. Raises Unavailable, Halt."""
    found: list[int | None] = []
    for at in range(0, len(members), TOP_MAX):
        some = members[at : at + TOP_MAX]
        answer = evaluate(client, SCORES, (keys.leaderboard(board),), some)
        found += [None if score is None else int(float(score)) for score in answer]
    return found


def size(client: Client, board: Board) -> int:
    """How many have a place. Raises Unavailable or Halt."""
    return int(evaluate(client, SIZE, (keys.leaderboard(board),), ()))


def _customer(member: bytes) -> CustomerId:
    return CustomerId(bytes.fromhex(member.decode().replace("-", "")))
