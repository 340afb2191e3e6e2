"""How far the projection is, kept in Redis beside what it projects: it is lost with it.

One hash: the database's incarnation, the epoch (a new one at each complete rebuild), the id of
the last change that is on all boards, and for each board the position that it holds at least.
That list is how a lost board is found when nothing else is left of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Final

from gamification.adapters.redis import keys
from gamification.adapters.redis.connection import Client, evaluate, translated
from gamification.domain.board import Board

LOAD: Final = """
local all = redis.pcall('HGETALL', KEYS[1])
if all.err then return {} end
return all
"""

ADVANCE: Final = """
local said = redis.pcall('HMGET', KEYS[1], 'format', 'epoch', 'id')
if said.err or said[1] ~= ARGV[1] or said[2] ~= ARGV[2] then return 0 end
local at = tonumber(said[3])
if at < tonumber(ARGV[3]) or at > tonumber(ARGV[4]) then return 0 end
redis.call('HSET', KEYS[1], 'id', ARGV[4], 'kept_from', ARGV[5])
for i = 6, #ARGV, 2 do
  local known = tonumber(redis.call('HGET', KEYS[1], ARGV[i]))
  if not known or known < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
return 1
"""
"""KEYS projection; ARGV format, epoch, id before, id after, kept from, then board, id, ..."""

BEGIN: Final = """
local said = redis.pcall('HGET', KEYS[1], 'epoch')
if type(said) == 'table' then said = '' end
if (said or '') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
"""
"""KEYS projection; ARGV epoch that was there or '', then field and value, ..."""

FORGET: Final = """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
for i = 2, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
return 1
"""
"""KEYS projection; ARGV epoch, boards."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Every change up to `change_id` is on all boards."""

    incarnation: str
    epoch: str
    change_id: int
    kept_from: date
    """Days before it were left out: boards that reach further back are not kept."""
    boards: Mapping[Board, int]
    """What each holds at least. A board that is not here has nobody on it up to `change_id`."""


def load(client: Client) -> tuple[Progress | None, str]:
    """What Redis remembers, and the epoch seen there ('' for none), for `begin`.

    None when there is nothing, or nothing that this version of the program can read. Raises
    Unavailable or Halt.
    """
    flat = [raw.decode() for raw in evaluate(client, LOAD, (keys.PROJECTION,), ())]
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    seen = fields.get("epoch", "")
    try:
        if fields["format"] != keys.FORMAT:
            return None, seen
        boards = {
            board: int(value)
            for name, value in fields.items()
            if (board := keys.board_of(name)) is not None
        }
        kept_from = date.fromisoformat(fields["kept_from"])
        known = Progress(fields["incarnation"], seen, int(fields["id"]), kept_from, boards)
    except (KeyError, ValueError):
        return None, seen
    return known, seen


def advance(client: Client, before: Progress, after: Progress) -> bool:
    """Move from `before` to `after`, whose boards are those that were written on the way.

    False when Redis does not say what we think it says: it was emptied, went back in time, or
    somebody else is ahead. Then load again. Raises Unavailable or Halt.
    """
    pairs = chain.from_iterable((keys.leaderboard(board), at) for board, at in after.boards.items())
    ids = (before.change_id, after.change_id)
    arguments = (keys.FORMAT, before.epoch, *ids, after.kept_from.isoformat(), *pairs)
    return bool(evaluate(client, ADVANCE, (keys.PROJECTION,), arguments))


def begin(client: Client, progress: Progress, seen: str) -> bool:
    """Replace all of it after a complete rebuild, if the epoch there is still `seen`.

    False when somebody else finished a rebuild meanwhile. Raises Unavailable or Halt.
    """
    header = {
        "format": keys.FORMAT,
        "incarnation": progress.incarnation,
        "epoch": progress.epoch,
        "id": progress.change_id,
        "kept_from": progress.kept_from.isoformat(),
    }
    fields = {**header, **{keys.leaderboard(b): at for b, at in progress.boards.items()}}
    arguments = (seen, *chain.from_iterable(fields.items()))
    return bool(evaluate(client, BEGIN, (keys.PROJECTION,), arguments))


def discard(client: Client) -> None:
    """Let the projection write all boards anew. Raises Unavailable or Halt."""
    with translated():
        client.unlink(keys.PROJECTION)


def forget(client: Client, epoch: str, boards: Iterable[Board]) -> None:
    """Boards that are not kept any more are no longer missed. Raises Unavailable or Halt."""
    names = [keys.leaderboard(board) for board in boards]
    if names:
        evaluate(client, FORGET, (keys.PROJECTION,), (epoch, *names))
