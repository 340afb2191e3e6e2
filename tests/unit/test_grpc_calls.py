"""What surrounds every call: its lines in the log name its own client, whoever calls beside it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import structlog
from structlog.testing import LogCapture

from gamification.api.grpc.calls import answer
from gamification.domain.errors import Unavailable
from gamification.telemetry import logs

CALLS = 50


class Ended(Exception):
    """What a real context's `abort` ends a call with."""


class Context:
    """Of a caller who is in trace number `number`."""

    def __init__(self, number: int) -> None:
        self._trace = f"00-{number:032x}-{1:016x}-00"

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("traceparent", self._trace),)

    async def abort(self, code: grpc.StatusCode, message: str, trailers: object) -> None:
        del code, message, trailers
        raise Ended


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    capture = LogCapture()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, capture],
        cache_logger_on_first_use=False,
    )
    yield capture.entries
    structlog.reset_defaults()


async def failing(number: int) -> None:
    """A call that meets all others on its way."""

    async def work(trace: str | None) -> None:
        assert trace is not None
        for _ in range(3):
            await asyncio.sleep(0)
        raise Unavailable(str(number))

    with pytest.raises(Ended):
        await answer("/test", Context(number), f"client-{number}", work)  # type: ignore[arg-type]


def test_calls_at_once_are_told_apart(lines: list[Any]) -> None:
    async def all_at_once() -> None:
        await asyncio.gather(*map(failing, range(1, CALLS + 1)))

    asyncio.run(all_at_once())

    assert len(lines) == CALLS
    assert all(line["client"] == f"client-{line['reason']}" for line in lines)
    assert all(int(line["trace_id"], 16) == int(line["reason"]) for line in lines)


def test_a_line_after_a_call_names_no_client(lines: list[Any]) -> None:
    async def one_and_then() -> None:
        await failing(1)
        logs.get("tests").info("after")

    asyncio.run(one_and_then())

    assert [line.get("client") for line in lines] == ["client-1", None]
