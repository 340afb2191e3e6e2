"""Many who want the same at once share one call."""

import asyncio
import gc

import pytest

from gamification.adapters.services.shared import SharedCalls
from gamification.domain.errors import Unavailable
from tests.services import in_loop


class Calls:
    """Counts them; each ends when told."""

    def __init__(self) -> None:
        self.made = 0
        self.may_end = asyncio.Event()

    async def answer(self) -> int:
        self.made += 1
        await self.may_end.wait()
        return self.made

    async def fail(self) -> int:
        await self.answer()
        raise Unavailable("away")


@in_loop
async def test_those_who_ask_while_it_is_under_way_get_its_answer() -> None:
    calls, shared = Calls(), SharedCalls[str, int]()
    asking = [asyncio.create_task(shared.ask("a", calls.answer)) for _ in range(10)]
    await asyncio.sleep(0)
    calls.may_end.set()

    assert await asyncio.gather(*asking) == [1] * 10
    assert await shared.ask("a", calls.answer) == 2, "what is over is not shared"


@in_loop
async def test_each_key_has_a_call_of_its_own() -> None:
    calls, shared = Calls(), SharedCalls[str, int]()
    calls.may_end.set()

    await asyncio.gather(*(shared.ask(key, calls.answer) for key in "abc"))

    assert calls.made == 3


@in_loop
async def test_all_get_the_error() -> None:
    calls, shared = Calls(), SharedCalls[str, int]()
    asking = [asyncio.create_task(shared.ask("a", calls.fail)) for _ in range(3)]
    await asyncio.sleep(0)
    calls.may_end.set()

    ended = await asyncio.gather(*asking, return_exceptions=True)

    assert [type(each) for each in ended] == [Unavailable] * 3
    assert calls.made == 1


@in_loop
async def test_one_who_goes_away_takes_nothing_from_the_others() -> None:
    calls, shared = Calls(), SharedCalls[str, int]()
    first = asyncio.create_task(shared.ask("a", calls.answer))
    second = asyncio.create_task(shared.ask("a", calls.answer))
    await asyncio.sleep(0)

    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    calls.may_end.set()

    assert await second == 1


@in_loop
async def test_an_error_that_nobody_waits_for_any_more_is_no_news() -> None:
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    calls, shared = Calls(), SharedCalls[str, int]()
    only = asyncio.create_task(shared.ask("a", calls.fail))
    await asyncio.sleep(0)
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)

    calls.may_end.set()
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()

    assert not shared._under_way
    assert not told
