"""Limits over all instances: one script in Redis, by Redis' clock.

While Redis is away each instance limits by itself, with the same limit: callers may get through up
to as many times as there are instances, and are never shut out. A gauge says so, for an alert.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from gamification.adapters.redis import keys
from gamification.adapters.redis.aio import AsyncRedis
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
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local arrival = tonumber(redis.call('GET', KEYS[1]) or 0)
local following = math.max(arrival, now) + interval
local wait = following - tolerance - now
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%d', following), 'PX',
           math.ceil((following - now) / 1000))
return 0
"""
"""As `gcra.judge`. A double holds microseconds since 1970 exactly until 2255."""

log = logs.get("rate_limit")


class RateLimiter:
    """For one event loop. Never raises."""

    def __init__(self, redis: AsyncRedis, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._clock_s = clock_s
        self._resting_until_s = float("-inf")
        self._here: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def take(self, limit: Limit, who: str) -> float:
        """0 when one more of `who` may pass; else after how many seconds exactly the next may."""
        if self._clock_s() >= self._resting_until_s:
            try:
                wait_us = await self._redis.evaluate(
                    TAKE,
                    [keys.rate_limit(limit.name, who)],
                    [limit.interval_us, limit.tolerance_us],
                )
            except (Unavailable, Halt) as error:
                self._rest(error)
            else:
                metrics.LIMITED_HERE.set(0)
                return self._told(limit, int(wait_us))
        return self._told(limit, self._take_here(limit, who))

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
