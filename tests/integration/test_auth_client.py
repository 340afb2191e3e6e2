"""Whose a token is, asked of a real auth service: believed for a while, but not blindly."""

import asyncio
import time
import traceback
import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from deploy.neighbours import Auth, Lie, Running, mint
from gamification.adapters.services.call import Bounds
from gamification.domain.errors import NotAuthenticated, Unavailable
from gamification.domain.identity import Scope
from gamification.generated.auth.v1.auth_pb2 import ValidateTokenResponse
from tests.services import MERCHANT, MERCHANT_TEXT, Clock, auth_client, in_loop
from tests.waiting import soon

OPAQUE = "an-opaque-token"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def auth() -> Iterator[Running[Auth]]:
    with Running(Auth()) as running:
        yield running


def token(*scopes: str, **claims: Any) -> str:
    return mint(MERCHANT_TEXT, scopes or (Scope.AWARD,), **claims)


@in_loop
async def test_what_the_answer_leaves_out_is_read_from_the_token(auth: Running[Auth]) -> None:
    expires_at_s = int(time.time()) + 1000
    async with auth_client(auth.address) as client:
        identity = await client.validate(token(jti="t-1", sub="me", exp=expires_at_s))

    assert identity.merchant_id == MERCHANT
    assert identity.scopes == {"gamification:award"}
    assert (identity.token_id, identity.subject) == ("t-1", "me")
    assert identity.expires_at_s == expires_at_s


@in_loop
async def test_an_answer_that_says_it_itself_agrees_with_the_token() -> None:
    with Running(Auth(says_all=True)) as auth:
        async with auth_client(auth.address) as client:
            identity = await client.validate(token(jti="t-1", sub="me"))

    assert (identity.token_id, identity.subject) == ("t-1", "me")


@in_loop
async def test_scopes_that_mean_nothing_here_are_left_aside(auth: Running[Auth]) -> None:
    async with auth_client(auth.address) as client:
        identity = await client.validate(token("gamification:read", "payments:refund", "*"))

    assert identity.scopes == {Scope.READ}


@in_loop
async def test_a_token_without_an_id_is_known_by_its_hash(auth: Running[Auth]) -> None:
    async with auth_client(auth.address) as client:
        first, again, other = [
            (await client.validate(each)).token_id
            for each in (token(jti=None), token(jti=None), token(jti=None, sub="other"))
        ]

    assert len(first) == 64
    assert first == again
    assert first != other


@in_loop
async def test_a_token_of_another_kind_is_what_the_service_says() -> None:
    known = ValidateTokenResponse(merchant_id=MERCHANT_TEXT, scopes=[Scope.READ], jti="op-1")
    with Running(Auth({OPAQUE: known})) as auth:
        async with auth_client(auth.address) as client:
            identity = await client.validate(OPAQUE)

    assert (identity.token_id, identity.subject, identity.expires_at_s) == ("op-1", None, None)


@in_loop
async def test_a_token_that_we_cannot_read_and_nobody_names_is_refused() -> None:
    known = ValidateTokenResponse(merchant_id=MERCHANT_TEXT, scopes=[Scope.READ])
    with Running(Auth({OPAQUE: known})) as auth:
        async with auth_client(auth.address) as client:
            with pytest.raises(NotAuthenticated, match="neither a JWT nor known by an id"):
                await client.validate(OPAQUE)


@in_loop
async def test_a_good_answer_is_kept_for_its_time(auth: Running[Auth]) -> None:
    clock, good = Clock(), token()
    async with auth_client(auth.address, monotonic_s=clock) as client:
        first = await client.validate(good)
        clock.now = 59.9
        assert await client.validate(good) == first
        assert auth.behaviour.calls == 1

        clock.now = 60
        await client.validate(good)

    assert auth.behaviour.calls == 2


@in_loop
async def test_it_is_kept_while_the_service_is_away(auth: Running[Auth]) -> None:
    good = token()
    async with auth_client(auth.address) as client:
        await client.validate(good)
        auth.stop()

        assert (await client.validate(good)).merchant_id == MERCHANT
        with pytest.raises(Unavailable, match=r"^auth: UNAVAILABLE$"):
            await client.validate(token())


@in_loop
async def test_a_token_that_expires_is_refused_though_it_is_kept(auth: Running[Auth]) -> None:
    now = Clock(time.time())
    good = token(exp=int(now.now) + 30)
    async with auth_client(auth.address, now_s=now) as client:
        await client.validate(good)
        now.now += 29
        await client.validate(good)
        now.now += 2

        with pytest.raises(NotAuthenticated, match=r"^token: expired$"):
            await client.validate(good)

    assert auth.behaviour.calls == 1


@in_loop
async def test_the_sooner_end_counts() -> None:
    now = time.time()
    known = ValidateTokenResponse(merchant_id=MERCHANT_TEXT, expires_at=int(now) + 10)
    long = token(exp=int(now) + 1000)
    with Running(Auth({long: known})) as auth:
        async with auth_client(auth.address) as client:
            assert (await client.validate(long)).expires_at_s == int(now) + 10


@pytest.mark.parametrize(
    "status",
    [
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.NOT_FOUND,
    ],
)
@in_loop
async def test_a_no_is_a_no_once_and_not_kept(auth: Running[Auth], status: grpc.StatusCode) -> None:
    auth.behaviour.status = status
    good = token()
    async with auth_client(auth.address) as client:
        for _ in range(10):
            with pytest.raises(NotAuthenticated, match=r"^token: not valid$"):
                await client.validate(good)
        assert auth.behaviour.calls == 10, "each asked once, and the circuit stays closed"

        auth.behaviour.be_well()
        assert (await client.validate(good)).merchant_id == MERCHANT


@in_loop
async def test_a_token_that_nobody_signed_is_refused(auth: Running[Auth]) -> None:
    good = token()
    forged = good[: good.rindex(".")] + ".AAAA"
    async with auth_client(auth.address) as client:
        await client.validate(good)
        with pytest.raises(NotAuthenticated):
            await client.validate(forged)


@pytest.mark.parametrize("odd", ["", "x" * 8193, "a b", "tök"])
@in_loop
async def test_what_cannot_be_a_token_costs_no_call(auth: Running[Auth], odd: str) -> None:
    async with auth_client(auth.address) as client:
        with pytest.raises(NotAuthenticated):
            await client.validate(odd)

    assert auth.behaviour.calls == 0


@in_loop
async def test_those_who_ask_at_once_share_one_call(auth: Running[Auth]) -> None:
    auth.behaviour.delay_s = 0.3
    good, other = token(), token()
    async with auth_client(auth.address) as client:
        identities = await asyncio.gather(
            *(client.validate(each) for each in (good, other) for _ in range(50))
        )

    assert len(set(identities)) == 2
    assert auth.behaviour.calls == 2


@in_loop
async def test_a_caller_who_hangs_up_does_not_hang_up_for_the_others(auth: Running[Auth]) -> None:
    auth.behaviour.delay_s = 0.3
    good = token()
    async with auth_client(auth.address) as client:
        first = asyncio.create_task(client.validate(good))
        second = asyncio.create_task(client.validate(good))
        await soon(lambda: auth.behaviour.calls == 1)
        first.cancel()

        assert (await second).merchant_id == MERCHANT
    assert auth.behaviour.calls == 1


@in_loop
async def test_a_slow_service_is_unavailable(auth: Running[Auth]) -> None:
    auth.behaviour.delay_s = 60
    async with auth_client(auth.address, Bounds(deadline_ms=300)) as client:
        with pytest.raises(Unavailable, match=r"^auth: DEADLINE_EXCEEDED$"):
            await client.validate(token())


@pytest.mark.parametrize(
    ("lie", "field"),
    [
        (Lie.NONSENSE, "merchant_id: no UUID"),
        (Lie.OTHER_MERCHANT, "merchant_id: not the token's"),
        (Lie.OTHER_TOKEN, "jti: not the token's"),
    ],
)
@in_loop
async def test_a_lie_lets_nobody_in_and_is_not_kept(
    auth: Running[Auth], lie: Lie, field: str
) -> None:
    auth.behaviour.lie = lie
    good = token()
    async with auth_client(auth.address) as client:
        with capture_logs() as lines, pytest.raises(Unavailable, match="cannot be used"):
            await client.validate(good)
        assert [(line["event"], line["reason"]) for line in lines] == [("answer_unusable", field)]

        auth.behaviour.be_well()
        assert (await client.validate(good)).merchant_id == MERCHANT


@in_loop
async def test_one_odd_token_does_not_shut_out_the_others() -> None:
    odd = ValidateTokenResponse(merchant_id="?", jti="op-1")
    with Running(Auth({OPAQUE: odd})) as auth:
        async with auth_client(auth.address) as client:
            for _ in range(20):
                with pytest.raises(Unavailable):
                    await client.validate(OPAQUE)

            assert (await client.validate(token())).merchant_id == MERCHANT


@in_loop
async def test_bytes_that_are_no_message_let_nobody_in(auth: Running[Auth]) -> None:
    auth.behaviour.lie = Lie.GARBAGE
    async with auth_client(auth.address) as client:
        with pytest.raises(Unavailable, match=r"^auth: INTERNAL$"):
            await client.validate(token())


@in_loop
async def test_a_yes_for_an_expired_token_is_a_no(auth: Running[Auth]) -> None:
    auth.behaviour.lie = Lie.EXPIRED
    good = token()
    async with auth_client(auth.address) as client:
        for _ in range(2):
            with pytest.raises(NotAuthenticated, match=r"^token: expired$"):
                await client.validate(good)

    assert auth.behaviour.calls == 2, "it is not kept"


@pytest.mark.parametrize("claims", [{"jti": 7}, {"jti": ""}, {"sub": "\n"}], ids=str)
@in_loop
async def test_a_token_whose_claims_cannot_be_used_is_refused(
    auth: Running[Auth], claims: dict[str, Any]
) -> None:
    async with auth_client(auth.address) as client:
        with pytest.raises(NotAuthenticated, match=r"^token: its "):
            await client.validate(token(**claims))


@in_loop
async def test_a_merchant_claim_of_another_meaning_contradicts_nobody() -> None:
    named = mint("the corner shop", [Scope.READ])
    known = ValidateTokenResponse(merchant_id=MERCHANT_TEXT, scopes=[Scope.READ])
    with Running(Auth({named: known})) as auth:
        async with auth_client(auth.address) as client:
            assert (await client.validate(named)).merchant_id == MERCHANT


@in_loop
async def test_the_token_is_in_no_error_and_no_log(
    auth: Running[Auth], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    secret = token(jti=uuid.uuid4().hex)
    auth.behaviour.details = f"bad token {secret}"
    async with auth_client(auth.address) as client:
        with capture_logs() as lines:
            for status in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAUTHENTICATED):
                auth.behaviour.status = status
                with pytest.raises((Unavailable, NotAuthenticated)) as error:
                    await client.validate(secret)
                assert secret not in "".join(traceback.format_exception(error.value))
            auth.behaviour.be_well()
            for lie in Lie:
                auth.behaviour.lie = lie
                await asyncio.gather(client.validate(secret), return_exceptions=True)

    assert lines
    assert secret not in str(lines)
    assert secret not in caplog.text
    assert secret not in repr(vars(client))


@in_loop
async def test_the_trace_is_passed_on(auth: Running[Auth]) -> None:
    async with auth_client(auth.address) as client:
        await client.validate(token(), TRACEPARENT)

    assert list(auth.behaviour.traceparents) == [TRACEPARENT]
