"""Limits over all instances: one script in Redis, by Redis' clock.

While Redis is away each instance limits by itself, with the same limit: callers may get through up
to as many times as there are instances, and are never shut out. A gauge says so, for an alert.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from gamification.adapters.redis import keys
from gamification.adapters.redis.aio import AsyncRedis
from gamification.adapters.redis.together import Together
from gamification.domain.errors import Halt, Unavailable
from gamification.domain.gcra import Limit, judge
from gamification.telemetry import logs, metrics

REST_AFTER_FAILURE_S: Final = 2.0
"""A server that is away is not asked for each call: that would cost each one a time-out."""
KEPT_MAX: Final = 100_000
"""Who is limited here while Redis is away; about 20 MB when full. The longest unseen ones go."""

TAKE: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local waits = {}
for i, key in ipairs(KEYS) do
    local interval, tolerance = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    local arrival = tonumber(redis.call('GET', key) or 0)
    local following = math.max(arrival, now) + interval
    waits[i] = math.max(0, following - tolerance - now)
    if waits[i] == 0 then
        redis.call('SET', key, string.format('%d', following), 'PX',
                   math.ceil((following - now) / 1000))
    end
end
return waits
"""
"""As `gcra.judge`, one after the other. A double holds microseconds since 1970 exactly until
2255."""

Taken: TypeAlias = tuple[Limit, str]
"""One more of whom."""

log = logs.get("rate_limit")


class RateLimiter:
    """For one event loop. Never raises."""

    def __init__(self, redis: AsyncRedis, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._together = Together(self._ask)
        self._clock_s = clock_s
        self._resting_until_s = float("-inf")
        self._here: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def take(self, limit: Limit, who: str) -> float:
        """0 when one more of `who` may pass; else after how many seconds exactly the next may."""
        if self._clock_s() >= self._resting_until_s:
            try:
                wait_us = await self._together.answer((limit, who))
            except (Unavailable, Halt) as error:
                self._rest(error)
            else:
                metrics.LIMITED_HERE.set(0)
                return self._told(limit, wait_us)
        return self._told(limit, self._take_here(limit, who))

    async def _ask(self, wanted: Sequence[Taken]) -> Sequence[int]:
        if not self._redis.is_cluster:
            return await self._ask_one_slot(wanted)
        # One script can only have keys of one slot.
        each = await asyncio.gather(*(self._ask_one_slot([one]) for one in wanted))
        return [waits[0] for waits in each]

    async def _ask_one_slot(self, wanted: Sequence[Taken]) -> Sequence[int]:
        names = [keys.rate_limit(limit.name, who) for limit, who in wanted]
        numbers = [n for limit, _ in wanted for n in (limit.interval_us, limit.tolerance_us)]
        return [int(wait_us) for wait_us in await self._redis.evaluate(TAKE, names, numbers)]

    def _take_here(self, limit: Limit, who: str) -> int:
        key = limit.name, who
        now_us = int(self._clock_s() * 1_000_000)
        verdict = judge(limit, self._here.pop(key, 0), now_us)
        self._here[key] = verdict.arrival_us
        if len(self._here) > KEPT_MAX:
            self._here.popitem(last=False)
        return verdict.wait_us

    def _rest(self, error: Exception) -> None:
        self._resting_until_s = self._clock_s() + REST_AFTER_FAILURE_S
        metrics.LIMITED_HERE.set(1)
        metrics.ERRORS.labels(type(error).__name__).inc()
        log.warning("limits_by_instance", reason=str(error))

    def _told(self, limit: Limit, wait_us: int) -> float:
        if wait_us:
            metrics.LIMITED.labels(limit.name).inc()
        return wait_us / 1_000_000
