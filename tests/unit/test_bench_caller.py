"""The benchmark's caller: whom it calls, what it calls a failure, and from when it counts."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from bench.caller import AWARD_BADGE, Calls, Load
from bench.points import merchant_text
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from tests.services import in_loop

Answer = Callable[[pb.AwardBadgeRequest, Any], Awaitable[pb.AwardBadgeResponse]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[grpc.aio.Channel]:
    service, _, method = AWARD_BADGE[1:].partition("/")
    handler = grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=pb.AwardBadgeRequest.FromString,
        response_serializer=pb.AwardBadgeResponse.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(None)


async def awarded(_request: pb.AwardBadgeRequest, _context: Any) -> pb.AwardBadgeResponse:
    return pb.AwardBadgeResponse(status=pb.AWARD_STATUS_AWARDED, badge_name="Welcome")


def calls(**other: Any) -> Calls:
    fixed: dict[str, Any] = {"seconds": 0.5, "settle_s": 0.1, "merchants": 3, **other}
    return Calls(address="", **fixed)


async def result(answer: Answer, **other: Any) -> dict[str, Any]:
    async with answering(answer) as channel:
        load = Load(calls(**other), [channel])
        await load.run(load.prepare())
        return load.result()


@in_loop
async def test_every_call_is_of_another_customer_and_merchants_take_turns() -> None:
    asked: list[tuple[str, str]] = []

    async def note(request: pb.AwardBadgeRequest, context: Any) -> pb.AwardBadgeResponse:
        asked.append((request.merchant_id, request.customer_id))
        return await awarded(request, context)

    found = await result(note, per_s=100, first=7)
    assert found["calls"] == len(asked) == 60
    assert len({customer for _, customer in asked}) == 60
    for number in range(3):
        assert sum(who == merchant_text(number) for who, _ in asked) == 20


@in_loop
async def test_only_a_badge_that_was_given_is_no_failure() -> None:
    async def otherwise(request: pb.AwardBadgeRequest, context: Any) -> pb.AwardBadgeResponse:
        if request.merchant_id == merchant_text(0):
            await context.abort(grpc.StatusCode.UNAVAILABLE)
        if request.merchant_id == merchant_text(1):
            return pb.AwardBadgeResponse(status=pb.AWARD_STATUS_ALREADY_AWARDED)
        return await awarded(request, context)

    found = await result(otherwise, per_s=60)
    assert found["failures"] == {"UNAVAILABLE": 12, "NOT_AWARDED": 12}


@in_loop
async def test_a_call_that_is_sent_late_counts_from_when_it_was_due() -> None:
    hiccups = iter([0.4])

    async def hiccup(request: pb.AwardBadgeRequest, context: Any) -> pb.AwardBadgeResponse:
        time.sleep(next(hiccups, 0.0))  # noqa: ASYNC251 - the sender's loop as well: it is late
        return await awarded(request, context)

    found = await result(hiccup, per_s=100, settle_s=0.0)
    late = [share for share, ms in found["distribution_ms"] if ms > 100]
    assert found["max_ms"] >= 400
    assert min(late) <= 0.5, "those due in the first 300 ms have all waited for more than 100"


@in_loop
async def test_a_closed_loop_ends_by_its_time_or_says_that_it_ran_out() -> None:
    found = await result(awarded, in_flight=4, calls_max=100_000)
    assert not found["ran_out"]
    assert found["calls_per_s"] > 0
    assert found["failures"] == {}
    assert (await result(awarded, in_flight=4, calls_max=10))["ran_out"]
