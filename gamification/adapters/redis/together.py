"""Questions of many calls at once, in few round trips.

A round trip costs the event loop about as much as all else that is done for a call. So who asks
soon after another one waits a moment for those who ask then, too, and all go in one. An answer is
never older than its question: who comes too late for a round trip gets the next.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

GATHER_S: Final = 0.002
"""Between the beginnings of two round trips, at least; a question that comes later goes at once."""
UNDER_WAY_MAX: Final = 2
"""One may hang on a connection that is gone while the other goes on."""
TOGETHER_MAX: Final = 500

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Together(Generic[Question, Answer]):
    """For one event loop. `ask` answers all in order, or raises for all, in bounded time."""

    def __init__(self, ask: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._under_way = 0
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself keeps none alive
        self._gathering = False
        self._begun_at = float("-inf")

    async def answer(self, question: Question) -> Answer:
        """What `ask` answers or raises. Who goes away takes no answer from the others."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if not self._gathering and self._under_way < UNDER_WAY_MAX:
            self._gathering = True
            self._under_way += 1
            task = asyncio.create_task(self._go())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _go(self) -> None:
        """Begins with the next turn of the event loop: who asks in this one comes along.

        Nothing may be awaited between the last look at who waits and the end: who asks then must
        find that a place is free.
        """
        try:
            await self._go_on()
        finally:
            self._under_way -= 1

    async def _go_on(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            if (soon_s := self._begun_at + GATHER_S - clock()) > 0:
                await asyncio.sleep(soon_s)
            self._begun_at = clock()
            self._gathering = False
            asked, self._waiting = self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
            await self._answer([each for each in asked if not each[1].done()])
            if self._gathering or not self._waiting:
                return
            self._gathering = True

    async def _answer(self, wanted: list[tuple[Question, asyncio.Future[Answer]]]) -> None:
        if not wanted:
            return
        try:
            answers = await self._ask([question for question, _ in wanted])
        except Exception as error:  # noqa: BLE001 - whatever it is, all must hear of it
            # Also who waits for the next round trip: else a server that hangs would keep everybody
            # for one time-out after the other.
            late, self._waiting = self._waiting, []
            for _, future in (*wanted, *late):
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(wanted, answers, strict=True):
            if not future.done():
                future.set_result(answer)
