"""Many who want the same at once share one call."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class SharedCalls(Generic[Key, Answer]):
    """For one event loop. Holds only calls under way, whose number their maker bounds."""

    def __init__(self) -> None:
        self._under_way: dict[Key, asyncio.Task[Answer]] = {}

    async def ask(self, key: Key, make: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """The answer of the call under way for `key`, else of `make`; or what it raised.

        The call goes on when one who waits for it goes away: others may wait, too.
        """
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(make())
            task.add_done_callback(partial(self._forget, key))
        # Also takes note of an error when everybody has gone away, so that nobody complains of it.
        return await asyncio.shield(task)

    def _forget(self, key: Key, _: asyncio.Task[Answer]) -> None:
        del self._under_way[key]
