"""GamificationService: each method authenticates, checks, calls one use case and answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, TypeVar

from cachetools import TTLCache

from gamification.api.grpc import requests
from gamification.api.grpc.calls import Context, answer, header, left_s
from gamification.application.authenticate import permit
from gamification.application.award_badge import Answer, BadgeCall, Reply
from gamification.application.purge_audit import Purged
from gamification.application.translate import Name
from gamification.domain.errors import (
    InvalidArgument,
    NotEligible,
    NotFound,
    TooManyRequests,
    Unavailable,
)
from gamification.domain.gcra import Limit
from gamification.domain.identity import Identity, Operation
from gamification.domain.ids import CustomerId, MerchantId, uuid_text
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from gamification.generated.gamification.v1 import gamification_pb2_grpc as pb_grpc
from gamification.telemetry import logs, metrics

AUTHORIZATION: Final = "authorization"
PURGE_WITHIN_S: Final = 120.0
"""For callers who set no deadline; what was not done by then is done when the call is repeated."""
PURGE_ENDS_WITHIN_S: Final = 10.0
"""How long the step that a purge is at may still take when its time is over."""
SERVICE: Final = "gamification.v1.GamificationService"
TOLD_EVERY_S: Final = 1.0
TOLD_MAX: Final = 1_000

log = logs.get("grpc")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the service works with. Each may raise Unavailable."""

    identify: Callable[[str, str | None], Awaitable[Identity]]
    """Who a token is; with the caller's trace. Raises NotAuthenticated."""
    take: Callable[[Limit, str], Awaitable[float]]
    """Seconds to wait for one more; 0 when it may pass. Never raises."""
    submit: Callable[[BadgeCall, float], "Future[Reply]"]
    """Gather a call, which must begin within so many seconds."""
    customer_exists: Callable[[MerchantId, CustomerId, str | None], Awaitable[bool]]
    """With the caller's trace."""
    name: Callable[[str, str], Awaitable[Name]]
    """The text of a translation key in a language, or the nearest one that there is."""
    purge: Callable[[MerchantId, str, float], Purged]
    """Whose audit log, who asks, for how many seconds at most. Blocks."""
    client: Callable[[str], str]
    """What log lines call a peer."""
    badge_limit: Limit
    purge_limit: Limit
    at_once_max: int
    """AwardBadge calls that are worked on at a time; further ones wait for their turn.

    With all of a thousand at once, who waits for the auth or the users service would wait for
    longer than such a question may take, and be refused though everybody is well.
    """
    waiting_max: int
    """Further ones are refused."""


class GamificationServicer(pb_grpc.GamificationServiceServicer):
    """Thin: everything that decides is elsewhere."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._told: TTLCache[tuple[str, MerchantId], bool] = TTLCache(TOLD_MAX, TOLD_EVERY_S)
        self._turns = asyncio.Semaphore(means.at_once_max)
        self._in_hand = 0

    async def AwardBadge(  # noqa: N802 - the proto's name
        self, request: pb.AwardBadgeRequest | None, context: Context
    ) -> pb.AwardBadgeResponse:
        client = self._means.client(context.peer())
        return await answer(
            f"/{SERVICE}/AwardBadge",
            context,
            client,
            lambda trace: self._in_turn(requests.readable(request), context, trace),
        )

    async def PurgeAuditLogs(  # noqa: N802 - the proto's name
        self, request: pb.PurgeAuditLogsRequest | None, context: Context
    ) -> pb.PurgeAuditLogsResponse:
        client = self._means.client(context.peer())
        return await answer(
            f"/{SERVICE}/PurgeAuditLogs",
            context,
            client,
            lambda trace: self._purge(requests.readable(request), context, trace),
        )

    async def _in_turn(
        self, request: pb.AwardBadgeRequest, context: Context, trace: str | None
    ) -> pb.AwardBadgeResponse:
        if self._in_hand >= self._means.at_once_max + self._means.waiting_max:
            raise Unavailable(f"{self._means.waiting_max} calls wait already")
        self._in_hand += 1
        try:
            await _in_time(self._turns.acquire(), left_s(context))
            try:
                return await self._award_badge(request, context, trace)
            finally:
                self._turns.release()
        finally:
            self._in_hand -= 1

    async def _award_badge(
        self, request: pb.AwardBadgeRequest, context: Context, trace: str | None
    ) -> pb.AwardBadgeResponse:
        means = self._means
        began_s = time.perf_counter()
        token = requests.bearer_token(header(context, AUTHORIZATION))
        identity = await means.identify(token, trace)
        merchant = requests.merchant_id(request.merchant_id)
        permit(identity, Operation.AWARD_BADGE, merchant)
        await self._limit(means.badge_limit, merchant)
        call = BadgeCall(
            merchant,
            requests.customer_id(request.customer_id),
            requests.badge_id(request.badge),
            identity.actor,
            trace,
        )
        locale = requests.locale(request.locale)
        reply = await self._award(call, context)
        metrics.BADGE_LATENCY.observe([time.perf_counter() - began_s])
        name = await means.name(reply.name_key, locale or reply.locale)
        awarded = reply.answer is Answer.AWARDED
        return pb.AwardBadgeResponse(
            status=pb.AWARD_STATUS_AWARDED if awarded else pb.AWARD_STATUS_ALREADY_AWARDED,
            badge_name=name.text,
            locale=name.locale,
        )

    async def _award(self, call: BadgeCall, context: Context) -> Reply:
        """Raises NotFound, NotEligible, Unavailable."""
        reply = await self._submit(call, context)
        if reply.answer is Answer.UNKNOWN_CUSTOMER:
            who = call.merchant_id, call.customer_id
            if not await self._means.customer_exists(*who, call.traceparent):
                raise NotFound("customer_id: no such customer of this merchant")
            reply = await self._submit(call._replace(is_known=True), context)
        match reply.answer:
            case Answer.AWARDED | Answer.ALREADY_AWARDED:
                return reply
            case Answer.NOT_ELIGIBLE:
                raise NotEligible("badge: this customer may not hold it yet: no language is known")
            case Answer.UNKNOWN_BADGE:
                raise NotFound("badge: no such badge in this merchant's rulebook")
            case Answer.UNKNOWN_MERCHANT:
                raise NotFound("merchant_id: no such merchant")
            case Answer.UNKNOWN_CUSTOMER:
                raise Unavailable("a customer that exists could not be made")

    async def _submit(self, call: BadgeCall, context: Context) -> Reply:
        within_s = left_s(context)
        return await _in_time(asyncio.wrap_future(self._means.submit(call, within_s)), within_s)

    async def _purge(
        self, request: pb.PurgeAuditLogsRequest, context: Context, trace: str | None
    ) -> pb.PurgeAuditLogsResponse:
        means = self._means
        token = _token(request, header(context, AUTHORIZATION))
        identity = await means.identify(token, trace)
        merchant = requests.merchant_id(request.merchant_id)
        permit(identity, Operation.PURGE_AUDIT_LOGS, merchant)
        await self._limit(means.purge_limit, merchant)
        actor = identity.actor
        remaining_s = context.time_remaining()
        within_s = PURGE_WITHIN_S if remaining_s is None else min(PURGE_WITHIN_S, remaining_s)
        purging = asyncio.to_thread(means.purge, merchant, actor, within_s)
        purged = await _in_time(purging, within_s + PURGE_ENDS_WITHIN_S)
        found = purged.rows or purged.objects
        return pb.PurgeAuditLogsResponse(
            status=pb.PURGE_STATUS_PURGED if found else pb.PURGE_STATUS_EMPTY,
            rows_deleted=purged.rows,
            objects_deleted=purged.objects,
        )

    async def _limit(self, limit: Limit, merchant: MerchantId) -> None:
        wait_s = await self._means.take(limit, uuid_text(merchant))
        if wait_s:
            self._tell_limited(limit, merchant)
            raise TooManyRequests(
                f"{limit.count} calls in {limit.period_s:g} s for each merchant", wait_s
            )

    def _tell_limited(self, limit: Limit, merchant: MerchantId) -> None:
        """A line now and then: who calls too often must not fill the log as well."""
        if (limit.name, merchant) not in self._told:
            self._told[limit.name, merchant] = True
            log.warning("limited", limit=limit.name, merchant_id=merchant)


async def _in_time(work: Awaitable[Result], within_s: float) -> Result:
    """Raises Unavailable, also when Postgres is frozen and a thread waits for it without an end.

    What was begun may be done all the same; to call again is harmless.
    """
    try:
        async with asyncio.timeout(within_s):
            return await work
    except TimeoutError:
        raise Unavailable("no answer in time; call again") from None


def _token(request: pb.PurgeAuditLogsRequest, metadata: str | bytes | None) -> str:
    """From the metadata, the request, or both. Raises NotAuthenticated, InvalidArgument."""
    if not request.jwt_token:
        return requests.bearer_token(metadata)
    if metadata is not None and requests.bearer_token(metadata) != request.jwt_token:
        raise InvalidArgument("jwt_token: not the token of the metadata; send one of them")
    return request.jwt_token
