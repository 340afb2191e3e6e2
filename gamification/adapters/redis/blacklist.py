"""Tokens that were revoked before their time. Asked for every call, so that revoking works at once.

A token is on the list for as long as its key lives, whatever the value: others may write it, too.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from gamification.adapters.redis import aio, keys
from gamification.adapters.redis.aio import AsyncRedis
from gamification.adapters.redis.connection import Client, evaluate, translated
from gamification.adapters.redis.together import Together

TTL_MIN_S: Final = 3600
TTL_MAX_S: Final = 10 * 366 * 86_400
"""A token that says to live longer would make Redis refuse the command."""

REVOKE: Final = """
local left_s = redis.call('TTL', KEYS[1])
if left_s == -1 or left_s >= tonumber(ARGV[2]) then
    return left_s
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return tonumber(ARGV[2])
"""
"""A second time may only make it longer: whoever knows no expiry must not bring a token back."""


class Blacklist:
    """What calls ask, for one event loop. Nothing is remembered between two questions."""

    def __init__(self, redis: AsyncRedis) -> None:
        self._redis = redis
        self._together = Together(self._ask)

    async def is_revoked(self, token_id: str) -> bool:
        """Raises Unavailable or Halt when the list cannot be read: then refuse the call."""
        return await self._together.answer(token_id)

    async def _ask(self, token_ids: Sequence[str]) -> Sequence[bool]:
        wanted = set(token_ids)
        names = {each: keys.revoked(each) for each in wanted}
        if not await self._redis.run(lambda client: client.exists(*names.values())):
            return [False] * len(token_ids)  # nearly always
        counts = await self._redis.run(lambda client: _count_each(client, names.values()))
        revoked = {each for each, count in zip(names, counts, strict=True) if count}
        return [each in revoked for each in token_ids]


async def _count_each(client: aio.Client, names: Iterable[str]) -> list[int]:
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.exists(name)
    found: list[int] = await pipeline.execute()
    return found


def ttl_s(until_s: float | None, now_s: float) -> int:
    """Seconds on the list: at least an hour, or until the token itself ends when that is later."""
    left_s = 0 if until_s is None else min(until_s - now_s, TTL_MAX_S)
    return max(TTL_MIN_S, math.ceil(left_s))


def revoke(client: Client, token_id: str, until_s: float | None, now_s: float) -> int:
    """Put a token on the list, in seconds since 1970; return the seconds that it stays, or -1.

    -1 is for ever, which only somebody else can have asked for. Safe to repeat. Raises
    Unavailable, Halt.
    """
    arguments = (keys.FORMAT, ttl_s(until_s, now_s))
    return int(evaluate(client, REVOKE, [keys.revoked(token_id)], arguments))


def left_s(client: Client, token_id: str) -> int | None:
    """Seconds that a token is still on the list, -1 for ever; None when it is not on it."""
    with translated():
        found = int(client.ttl(keys.revoked(token_id)))
    return None if found == -2 else found  # noqa: PLR2004 - Redis' word for "no such key"
