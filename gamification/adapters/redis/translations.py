"""Texts that Postgres had, kept in the cache role of Redis for every instance.

Whatever goes wrong here is an empty answer: the caller then asks Postgres. A value says when it
was read, so that the caller can ask again for an old one and still has it while Postgres is away.

An instance may read a text just before an import replaces it, and write it here just after the
import's invalidation was heard. So an invalidated key is not deleted but held for some seconds,
longer than any look-up takes, and a look-up does not overwrite one that is held.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from gamification.adapters.redis import keys
from gamification.adapters.redis.connection import translated
from gamification.domain.errors import GamificationError

AsyncClient: TypeAlias = Redis | RedisCluster

FORMAT: Final = 1
"""Version of the value. Another one is no answer and goes with its time."""

KEPT_S: Final = 24 * 3600
NOTHING_KEPT_S: Final = 60
"""How long "nobody has translated this" is kept: keys that do not exist must not fill Redis."""
HELD_S: Final = 10
"""Longer than a look-up may take (`TranslationReader`: a new connection and two questions)."""

TIMEOUT_S: Final = 0.2
"""Postgres answers sooner than a Redis that takes longer."""
REST_AFTER_FAILURE_S: Final = 2.0
"""A server that is away is not asked for each call: that would cost each one a timeout."""

DROP_WITHIN_S: Final = 1.0

HELD: Final = b"held"

KEEP: Final = """
if redis.call('GET', KEYS[1]) ~= 'held' then
    redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
return 0
"""


class Cached(NamedTuple):
    text: str | None
    """None: there was no text."""
    age_s: float
    """Since Postgres was asked."""


class TranslationCache:
    """For one event loop. Never raises. The client is closed by whoever made it."""

    def __init__(
        self,
        client: AsyncClient,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        # redis' own types are those of its blocking client in some places.
        self._client: Any = client
        self._clock = clock
        self._wall_clock = wall_clock
        self._resting_until = float("-inf")

    async def known(self, key: str, locales: Sequence[str]) -> dict[str, Cached]:
        """What is kept for each locale; others are left out."""
        names = [keys.translation(key, locale) for locale in locales]
        if not names or self._is_resting():
            return {}
        try:
            with translated():
                async with asyncio.timeout(TIMEOUT_S):
                    if isinstance(self._client, RedisCluster):
                        values = await self._client.mget_nonatomic(names)
                    else:
                        values = await self._client.mget(names)
        except GamificationError:
            self._rest()
            return {}
        found = {locale: self._read(value) for locale, value in zip(locales, values, strict=True)}
        return {locale: cached for locale, cached in found.items() if cached is not None}

    async def remember(self, key: str, texts: Mapping[str, str | None]) -> None:
        """Keep what Postgres said just now, by locale."""
        if self._is_resting():
            return
        now_s = self._wall_clock()
        try:
            with translated():
                async with asyncio.timeout(TIMEOUT_S):
                    for locale, text in texts.items():
                        value = orjson.dumps([FORMAT, now_s, text])
                        kept_s = NOTHING_KEPT_S if text is None else KEPT_S
                        name = keys.translation(key, locale)
                        await self._client.eval(KEEP, 1, name, value, kept_s)
        except GamificationError:
            self._rest()

    async def drop(self, places: Sequence[tuple[str, str]]) -> None:
        """Forget these keys and locales, and what others are about to write about them.

        Tried also while it rests: what is not forgotten here may be shown until it is old.
        """
        if not places:
            return
        try:
            with translated():
                async with asyncio.timeout(DROP_WITHIN_S):
                    pipeline = self._client.pipeline(transaction=False)
                    for key, locale in places:
                        pipeline.set(keys.translation(key, locale), HELD, ex=HELD_S)
                    await pipeline.execute()
        except GamificationError:
            self._rest()

    def _read(self, value: bytes | None) -> Cached | None:
        if value is None or value == HELD:
            return None
        try:
            version, read_at_s, text = orjson.loads(value)
            if version != FORMAT or not isinstance(text, str | None):
                return None
            return Cached(text, max(0.0, self._wall_clock() - float(read_at_s)))
        except (ValueError, TypeError):
            return None

    def _is_resting(self) -> bool:
        return self._clock() < self._resting_until

    def _rest(self) -> None:
        self._resting_until = self._clock() + REST_AFTER_FAILURE_S
