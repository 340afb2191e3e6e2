"""What a key is called in somebody's language: pt-BR, else pt, else English, else made readable.

Asked in turn: this process, Redis, Postgres. What a cache holds is asked for again after a while,
so that an import is seen even when its invalidation was missed; while nobody newer can be asked,
the old one stays good for as long as Redis keeps it.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from cachetools import TTLCache

from gamification.adapters.postgres.translation_reader import TranslationReader
from gamification.adapters.redis.translations import KEPT_S, TranslationCache
from gamification.domain.errors import Unavailable
from gamification.domain.locale import ENGLISH, fallbacks
from gamification.domain.translation import is_key, readable
from gamification.telemetry import metrics

REMEMBERED_MAX: Final = 20_000
"""Keys and locales in this process; some hundred bytes each. Beyond it the longest unused go."""
FRESH_HERE_S: Final = 60.0
"""After that Redis is asked again."""
FRESH_IN_REDIS_S: Final = 600.0
"""After that Postgres is. The two together are how long a lost invalidation can hurt."""
ANSWER_WITHIN_S: Final = 3.0
"""Longer than Postgres lets the question take; connecting has a limit of its own."""
REST_AFTER_FAILURE_S: Final = 2.0
"""Postgres that is away is not asked for each call."""

Place: TypeAlias = tuple[str, str]
"""Key and locale."""
Texts: TypeAlias = Mapping[str, str | None]
"""By locale; None: surely none. A locale that is left out is not known."""


class Name(NamedTuple):
    text: str
    locale: str
    """In which language it is."""


class _Looked(NamedTuple):
    name: Name
    asked_postgres: bool


class _Known(NamedTuple):
    text: str | None
    at_s: float


class Translator:
    """For one event loop. `locales`: those that we have; others fall back at once."""

    def __init__(
        self,
        reader: TranslationReader,
        cache: TranslationCache,
        locales: Collection[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._cache = cache
        self._locales = tuple(dict.fromkeys((*locales, ENGLISH)))
        self._clock = clock
        self._here: TTLCache[Place, _Known] = TTLCache(REMEMBERED_MAX, KEPT_S, clock)
        self._looking: dict[tuple[str, tuple[str, ...], int], asyncio.Task[_Looked]] = {}
        self._postgres = asyncio.Lock()
        self._resting_until = float("-inf")
        self._drops = 0

    async def name(self, key: str, locale: str) -> Name:
        """The text of `key` for a reader of `locale`, and which locale's it is.

        A key that nobody has translated gives its own last words. Raises Unavailable when no
        cache has it and Postgres is away.
        """
        if not is_key(key):
            return Name(readable(key), ENGLISH)
        chain = fallbacks(locale, self._locales)
        found = _first(key, chain, self._kept_here(key, chain, FRESH_HERE_S))
        if found is not None:
            metrics.TRANSLATION_HITS.inc()
            return found
        looked = await self._together(key, chain)
        (metrics.TRANSLATION_MISSES if looked.asked_postgres else metrics.TRANSLATION_HITS).inc()
        return looked.name

    async def drop(self, places: Sequence[tuple[str, str | None]]) -> None:
        """Forget these keys, in one locale or (None) in all, here and in Redis. Never raises."""
        each = [
            (key, one)
            for key, locale in places
            for one in ((locale,) if locale is not None else self._locales)
        ]
        await self._cache.drop(each)
        self._drops += 1
        for place in each:
            self._here.pop(place, None)

    async def close(self) -> None:
        """Disconnect from Postgres, after a look-up that is under way."""
        async with self._postgres:
            await asyncio.to_thread(self._reader.close)

    def _kept_here(self, key: str, chain: Sequence[str], within_s: float) -> Texts:
        since_s = self._clock() - within_s
        kept = {locale: self._here.get((key, locale)) for locale in chain}
        return {
            locale: known.text
            for locale, known in kept.items()
            if known is not None and known.at_s > since_s
        }

    async def _together(self, key: str, chain: tuple[str, ...]) -> _Looked:
        """One look-up for all who wait for the same; it ends also when they do not wait for it.

        Who comes after a drop does not join one from before: it may have read the old text.
        """
        wanted = (key, chain, self._drops)
        looking = self._looking.get(wanted)
        if looking is None:
            looking = asyncio.create_task(self._look_up(key, chain))
            self._looking[wanted] = looking

            def done(task: asyncio.Task[_Looked]) -> None:
                del self._looking[wanted]
                # Read, so that an error that nobody waits for any more is not complained about.
                _ = task.cancelled() or task.exception()

            looking.add_done_callback(done)
        return await asyncio.shield(looking)

    async def _look_up(self, key: str, chain: tuple[str, ...]) -> _Looked:
        drops = self._drops
        cached = await self._cache.known(key, chain)
        fresh = {
            locale: each.text for locale, each in cached.items() if each.age_s < FRESH_IN_REDIS_S
        }
        found = _first(key, chain, fresh)
        if found is not None:
            self._remember(key, fresh, drops)
            return _Looked(found, asked_postgres=False)
        try:
            texts = await self._ask_postgres(key, chain)
        except Unavailable:
            older = {locale: each.text for locale, each in cached.items()}
            found = _first(key, chain, {**self._kept_here(key, chain, KEPT_S), **older})
            if found is None:
                raise
            return _Looked(found, asked_postgres=True)
        self._remember(key, texts, drops)
        await self._cache.remember(key, texts)
        found = _first(key, chain, texts)
        return _Looked(found or Name(readable(key), ENGLISH), asked_postgres=True)

    async def _ask_postgres(self, key: str, chain: tuple[str, ...]) -> Texts:
        async with self._postgres:
            if self._clock() < self._resting_until:
                raise Unavailable("postgres: was away a moment ago")
            try:
                texts = await self._in_thread(key, chain)
            except Unavailable:
                self._resting_until = self._clock() + REST_AFTER_FAILURE_S
                raise
        return {locale: texts.get((key, locale)) for locale in chain}

    async def _in_thread(self, key: str, chain: tuple[str, ...]) -> Mapping[Place, str]:
        """Waits for the thread whatever happens: the next question must find it gone."""
        asking = asyncio.ensure_future(asyncio.to_thread(self._reader.newest, (key,), chain))
        while not asking.done():
            await asyncio.wait((asking,), timeout=ANSWER_WITHIN_S)
            if not asking.done():
                self._reader.give_up()
        return asking.result()

    def _remember(self, key: str, texts: Texts, drops: int) -> None:
        """Unless something was dropped meanwhile: then it may be what we have just read."""
        if drops == self._drops:
            now_s = self._clock()
            for locale, text in texts.items():
                self._here[key, locale] = _Known(text, now_s)


def _first(key: str, chain: Sequence[str], texts: Texts) -> Name | None:
    """The first text of the chain; None when a locale before it is not known."""
    for locale in chain:
        if locale not in texts:
            return None
        text = texts[locale]
        if text is not None:
            return Name(text, locale)
    return Name(readable(key), ENGLISH)
