"""Waiting for what a running process will do soon, without sleeping for longer than needed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

EVERY_S: Final = 0.02

Answer = TypeVar("Answer")


def eventually(
    check: Callable[[], Answer], within_s: float = 10.0, every_s: float = EVERY_S
) -> Answer:
    """Call `check` until it neither raises AssertionError nor returns False; return its answer.

    None counts as success, so that a function of plain asserts may be given. Raises AssertionError
    with the last failure when that did not happen within `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    while True:
        failure: AssertionError | None = None
        try:
            answer = check()
        except AssertionError as error:
            failure = error
        else:
            if answer is not False:
                return answer
        if time.monotonic() > deadline:
            last = failure or "the check answered False"
            raise AssertionError(f"not within {within_s} s: {last}") from failure
        time.sleep(every_s)


async def soon(check: Callable[[], bool], within_s: float = 10.0, every_s: float = EVERY_S) -> None:
    """As `eventually`, while the event loop turns. Raises AssertionError."""
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        await asyncio.sleep(every_s)


async def eventually_async(
    check: Callable[[], Awaitable[Answer]], within_s: float = 10.0, every_s: float = EVERY_S
) -> Answer:
    """As `eventually`, for what goes on in the event loop meanwhile."""
    deadline = time.monotonic() + within_s
    while True:
        failure: AssertionError | None = None
        try:
            answer = await check()
        except AssertionError as error:
            failure = error
        else:
            if answer is not False:
                return answer
        if time.monotonic() > deadline:
            last = failure or "the check answered False"
            raise AssertionError(f"not within {within_s} s: {last}") from failure
        await asyncio.sleep(every_s)
