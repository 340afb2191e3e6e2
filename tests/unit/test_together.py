"""Questions that share round trips: nobody gets an old answer, another's, or none."""

import asyncio
from collections.abc import Sequence

import pytest

from gamification.adapters.redis.together import TOGETHER_MAX, Together
from gamification.domain.errors import Unavailable
from tests.services import in_loop


class Server:
    """Doubles numbers, when it is let; `asked` are its round trips."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self._begun: asyncio.Queue[None] = asyncio.Queue()
        self.let = asyncio.Event()
        self.let.set()
        self.is_away = False

    async def ask(self, numbers: Sequence[int]) -> Sequence[int]:
        self.asked.append(list(numbers))
        self._begun.put_nowait(None)
        await self.let.wait()
        if self.is_away:
            raise Unavailable("away")
        return [number * 2 for number in numbers]

    async def is_asked(self) -> None:
        """Return with the next round trip."""
        async with asyncio.timeout(10):
            await self._begun.get()


def asking(together: Together[int, int], *numbers: int) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(together.answer(number)) for number in numbers]


@in_loop
async def test_all_who_ask_in_one_turn_share_a_round_trip() -> None:
    server = Server()
    together = Together(server.ask)

    assert await asyncio.gather(*asking(together, 1, 2, 2)) == [2, 4, 4]
    assert server.asked == [[1, 2, 2]]


@in_loop
async def test_who_comes_too_late_for_a_round_trip_is_in_the_next_one() -> None:
    server = Server()
    together = Together(server.ask)
    server.let.clear()
    early = asking(together, 1)
    await server.is_asked()
    late = asking(together, 2, 3)
    await server.is_asked()
    later = asking(together, 4)
    for _ in range(10):
        await asyncio.sleep(0)
    server.let.set()

    assert await asyncio.gather(*early, *late, *later) == [2, 4, 6, 8]
    assert server.asked == [[1], [2, 3], [4]], "two round trips at a time, no more"


@in_loop
async def test_one_round_trip_has_a_bound() -> None:
    server = Server()
    together = Together(server.ask)
    numbers = range(TOGETHER_MAX + 1)

    assert await asyncio.gather(*asking(together, *numbers)) == [n * 2 for n in numbers]
    assert [len(each) for each in server.asked] == [TOGETHER_MAX, 1]


@in_loop
async def test_one_who_goes_away_takes_no_answer_from_the_others() -> None:
    server = Server()
    together = Together(server.ask)
    gone, stays = asking(together, 1, 2)
    await asyncio.sleep(0)
    gone.cancel()

    assert await stays == 4
    await server.is_asked()
    server.let.clear()
    [gone] = asking(together, 3)
    await server.is_asked()
    gone.cancel()
    server.let.set()
    assert await together.answer(4) == 8


@in_loop
async def test_who_waits_for_a_server_that_is_away_hears_of_it_with_the_others() -> None:
    server = Server()
    together = Together(server.ask)
    server.let.clear()
    first, second = asking(together, 1), asking(together, 2)
    await server.is_asked()
    third = asking(together, 3)
    await server.is_asked()
    fourth = asking(together, 4)
    await asyncio.sleep(0)
    server.is_away = True
    server.let.set()
    for each in (*first, *second, *third, *fourth):
        with pytest.raises(Unavailable):
            await each

    server.is_away = False
    assert await together.answer(5) == 10
    assert server.asked == [[1, 2], [3], [5]]


@in_loop
async def test_who_asks_at_the_moment_when_all_round_trips_end_is_not_forgotten() -> None:
    server = Server()
    together = Together(server.ask)
    server.let.clear()
    first = asking(together, 1)
    await server.is_asked()
    second = asking(together, 2)
    await server.is_asked()

    async def just_then() -> int:
        await server.let.wait()
        return await together.answer(3)

    third = asyncio.create_task(just_then())
    await asyncio.sleep(0)
    server.let.set()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*first, *second, third) == [2, 4, 6]
