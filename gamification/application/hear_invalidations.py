"""Forget translations as soon as somebody says that they changed. For as long as a server runs."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from gamification.adapters.kafka.invalidations import Invalidations
from gamification.adapters.redis.keys import translation_of
from gamification.application.translate import Translator
from gamification.domain.errors import Unavailable
from gamification.telemetry import logs, metrics

HEAR_S: Final = 0.5
"""How long the ending may have to wait for the thread."""
FIRST_PAUSE_S: Final = 0.1
PAUSE_MAX_S: Final = 5.0

log = logs.get("invalidations")


class InvalidationListener:
    """Run it as a task of the event loop that the translator belongs to."""

    def __init__(self, connect: Callable[[], Invalidations], translator: Translator) -> None:
        self._connect = connect
        self._translator = translator
        self._ear: Invalidations | None = None
        self.listening = asyncio.Event()
        """Set while it hears: what is announced from then on is not missed."""

    async def run(self) -> None:
        """Until cancelled. While Kafka is away it tries again, with pauses that grow.

        Meanwhile nothing fails: texts are only seen to be old after their time.
        """
        # A thread of its own: the loop's others are for what a caller waits for.
        thread = ThreadPoolExecutor(1, "invalidations")
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        try:
            while True:
                try:
                    heard = await loop.run_in_executor(thread, self._hear)
                except Unavailable as error:
                    self.listening.clear()
                    metrics.ERRORS.labels(type(error).__name__).inc()
                    log.warning("unavailable", reason=str(error), pause_s=pause_s)
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, PAUSE_MAX_S)
                    continue
                self.listening.set()
                pause_s = FIRST_PAUSE_S
                await self._forget(heard)
        finally:
            self.listening.clear()
            # Behind whatever the thread still does: a consumer is not closed under its feet.
            await loop.run_in_executor(thread, self._close)
            thread.shutdown(wait=False)

    def _hear(self) -> list[str]:
        try:
            if self._ear is None:
                self._ear = self._connect()
                self._ear.start()
                return []
            return self._ear.hear(HEAR_S)
        except Unavailable:
            self._close()
            raise

    def _close(self) -> None:
        if self._ear is not None:
            self._ear.close()
            self._ear = None

    async def _forget(self, heard: Sequence[str]) -> None:
        places = [place for place in map(translation_of, heard) if place is not None]
        if places:
            await self._translator.drop(list(dict.fromkeys(places)))
            log.info("translations_forgotten", texts=len(places))
