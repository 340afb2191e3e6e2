"""From a token to an identity: a real auth service says yes, a real Redis may say no."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from structlog.testing import capture_logs

from deploy.devstack.process import Process
from deploy.neighbours import Auth, Running, mint
from gamification.adapters.redis import blacklist
from gamification.adapters.redis.aio import AsyncRedis
from gamification.adapters.redis.blacklist import Blacklist
from gamification.adapters.redis.connection import Address, close, connect
from gamification.application.authenticate import Authenticator, permit
from gamification.domain.errors import NotAuthenticated, NotPermitted, Unavailable
from gamification.domain.identity import Identity, Operation, Scope
from gamification.domain.ids import MerchantId
from tests.redis_servers import redis_server
from tests.services import MERCHANT, MERCHANT_TEXT, auth_client, in_loop

pytestmark = pytest.mark.servers

SUBJECT = "somebody@customers.example"


@pytest.fixture
def auth() -> Iterator[Running[Auth]]:
    with Running(Auth()) as running:
        yield running


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[tuple[Address, Process]]:
    with redis_server(tmp_path) as server:
        yield server


@asynccontextmanager
async def authenticator(address: str, redis: Address) -> AsyncIterator[Authenticator]:
    aio = AsyncRedis.at(redis, "tests", timeout_s=2)
    try:
        async with auth_client(address) as client:
            yield Authenticator(client.validate, Blacklist(aio).is_revoked)
    finally:
        await aio.close()


def revoke(redis: Address, token_id: str) -> None:
    client = connect(redis, "tests")
    try:
        blacklist.revoke(client, token_id, None, 0)
    finally:
        close(client)


@in_loop
async def test_a_good_token_becomes_an_identity(
    auth: Running[Auth], own_redis: tuple[Address, Process]
) -> None:
    async with authenticator(auth.address, own_redis[0]) as who:
        identity = await who.identify(mint(MERCHANT_TEXT, [Scope.AWARD], jti="t-1"))

    assert (identity.merchant_id, identity.token_id) == (MERCHANT, "t-1")


@pytest.mark.parametrize("jti", ["t-1", None])
@in_loop
async def test_a_revoked_token_is_refused_at_once_though_it_is_still_believed(
    auth: Running[Auth], own_redis: tuple[Address, Process], jti: str | None
) -> None:
    token = mint(MERCHANT_TEXT, [Scope.AWARD], jti=jti, sub=SUBJECT)
    async with authenticator(auth.address, own_redis[0]) as who:
        identity = await who.identify(token)
        revoke(own_redis[0], identity.token_id)

        with capture_logs() as lines, pytest.raises(NotAuthenticated, match=r"^token: revoked$"):
            await who.identify(token)

    assert auth.behaviour.calls == 1, "it was in the cache"
    assert [(line["event"], line["token_id"]) for line in lines] == [
        ("authentication_failed", identity.token_id)
    ]
    assert token not in str(lines)
    assert SUBJECT not in str(lines)


@in_loop
async def test_a_list_that_cannot_be_read_refuses_everybody(
    auth: Running[Auth], own_redis: tuple[Address, Process]
) -> None:
    redis, process = own_redis
    token = mint(MERCHANT_TEXT, [Scope.AWARD])
    async with authenticator(auth.address, redis) as who:
        await who.identify(token)
        process.kill()
        with pytest.raises(Unavailable, match=r"^redis: "):
            await who.identify(token)
        process.start()
        assert (await who.identify(token)).merchant_id == MERCHANT


@in_loop
async def test_a_token_that_is_not_valid_is_told_without_it(
    auth: Running[Auth], own_redis: tuple[Address, Process]
) -> None:
    auth.behaviour.status = grpc.StatusCode.UNAUTHENTICATED
    token = mint(MERCHANT_TEXT, [Scope.AWARD])
    async with authenticator(auth.address, own_redis[0]) as who:
        with capture_logs() as lines:
            for each in (token, "x" * 10_000, ""):
                with pytest.raises(NotAuthenticated):
                    await who.identify(each)

    assert [line["reason"] for line in lines] == [
        "token: not valid",
        "token: at most 8192 bytes",
        "token: missing",
    ]
    assert {line["event"] for line in lines} == {"authentication_failed"}
    assert max(len(str(line)) for line in lines) < 200


@in_loop
async def test_an_auth_service_that_is_away_is_nobody_s_failure(
    auth: Running[Auth], own_redis: tuple[Address, Process]
) -> None:
    auth.stop()
    async with authenticator(auth.address, own_redis[0]) as who:
        with capture_logs() as lines, pytest.raises(Unavailable, match=r"^auth: "):
            await who.identify(mint(MERCHANT_TEXT, [Scope.AWARD]))

    assert "authentication_failed" not in {line["event"] for line in lines}


def test_what_the_table_denies_is_told_without_the_person() -> None:
    identity = Identity(MERCHANT, frozenset({Scope.READ}), "t-1", SUBJECT, None)
    other = MerchantId(bytes(16))

    with capture_logs() as lines:
        for merchant in (MERCHANT, other):
            with pytest.raises(NotPermitted):
                permit(identity, Operation.AWARD_BADGE, merchant)

    assert [(line["event"], line["operation"], line["asked_merchant_id"]) for line in lines] == [
        ("permission_denied", "AwardBadge", MERCHANT),
        ("permission_denied", "AwardBadge", other),
    ]
    assert SUBJECT not in str(lines)


def test_what_the_table_allows_is_not_told() -> None:
    identity = Identity(MERCHANT, frozenset({Scope.AWARD}), "t-1", None, None)

    with capture_logs() as lines:
        permit(identity, Operation.AWARD_BADGE, MERCHANT)

    assert lines == []
