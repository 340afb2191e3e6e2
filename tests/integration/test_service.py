"""AwardBadge and PurgeAuditLogs over a real channel: every status, and what is true afterwards."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import psycopg
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from deploy.devstack.server import Addresses
from deploy.neighbours.behaviour import Lie
from deploy.neighbours.tokens import mint
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from gamification.telemetry import metrics
from tests.services_world import (
    ANSWER_WITHIN_S,
    AWARD,
    EDIT,
    OTHER_SHOP,
    SHOP,
    World,
    bearer,
    new_customer,
    refusal,
    world_of,
)

pytestmark = pytest.mark.servers


@pytest.fixture
def world(database_dsn: str, servers: Addresses, redis_url: str) -> Iterator[World]:
    assert redis_url  # emptied
    with world_of(database_dsn, servers, GAMIFICATION_AWARD_BADGE_PER_S="1000") as made:
        yield made


def status_of(call: Callable[[], object]) -> grpc.StatusCode:
    """The status with which the call ends."""
    code: grpc.StatusCode = refusal(call).code()
    return code


def test_a_badge_is_there_when_the_answer_is(world: World) -> None:
    anna = new_customer()
    answer = world.caller.award(anna, locale="pt-BR")
    assert answer.status == pb.AWARD_STATUS_AWARDED
    assert (answer.badge_name, answer.locale) == ("Nosso hóspede", "pt")
    assert world.badges(anna) == ["friend", "guest"]
    [(exp, coins)] = world.rows("SELECT exp, coins FROM profiles WHERE customer_id = %s", anna)
    assert (exp, coins) == (20, 5)
    again = world.caller.award(anna)
    assert again.status == pb.AWARD_STATUS_ALREADY_AWARDED
    assert (again.badge_name, again.locale) == ("Our guest", "en")


def test_who_gave_a_badge_is_audited_and_the_badge_is_counted(world: World) -> None:
    anna = new_customer()
    counted = metrics.BADGES.labels(SHOP, "guest", "")
    before = counted._value.get()
    for _ in range(2):
        world.caller.award(anna, token=mint(SHOP, AWARD, sub="points"))
    assert counted._value.get() - before == 1
    rows = world.rows(
        "SELECT actor, details->>'badge' FROM audit_logs WHERE subject = %s ORDER BY 2",
        f"customer:{anna}",
    )
    assert rows == [("points", "friend"), ("points", "guest")]


def test_the_short_path_answers_too(world: World) -> None:
    call = world.caller.channel.unary_unary(
        "/gamification.v1/AwardBadge",
        request_serializer=pb.AwardBadgeRequest.SerializeToString,
        response_deserializer=pb.AwardBadgeResponse.FromString,
    )
    request = pb.AwardBadgeRequest(merchant_id=SHOP, customer_id=new_customer(), badge="guest")
    answer = call(request, metadata=bearer(mint(SHOP, AWARD)), timeout=ANSWER_WITHIN_S)
    assert answer.status == pb.AWARD_STATUS_AWARDED


def test_many_retries_at_once_award_once(world: World) -> None:
    anna = new_customer()
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: world.caller.award(anna).status, range(100)))
    assert answers.count(pb.AWARD_STATUS_AWARDED) == 1
    assert answers.count(pb.AWARD_STATUS_ALREADY_AWARDED) == 99
    [(count,)] = world.rows("SELECT count(*) FROM ledger WHERE customer_id = %s", anna)
    assert count == 1


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("merchant_id", {"merchant": "shop"}),
        ("customer_id", {"customer": "anna"}),
        ("badge", {"badge": "No Badge"}),
        ("locale", {"locale": "english"}),
    ],
)
def test_a_wrong_field_is_named(world: World, field: str, wrong: dict[str, str]) -> None:
    asked = {"customer": new_customer()} | wrong
    ended = refusal(lambda: world.caller.award(**asked))  # type: ignore[arg-type]
    assert ended.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert ended.details().startswith(f"{field}: ")


def test_only_good_tokens_get_in(world: World) -> None:
    anna = new_customer()
    for token in ("", "nonsense", mint(SHOP, AWARD, life_s=-10), "a" * 9_000):
        assert status_of(lambda: world.caller.award(anna, token=token)) is (  # noqa: B023
            grpc.StatusCode.UNAUTHENTICATED
        )
    for token in (mint(SHOP, ()), mint(SHOP, ("gamification:read",)), mint(OTHER_SHOP, EDIT)):
        assert status_of(lambda: world.caller.award(anna, token=token)) is (  # noqa: B023
            grpc.StatusCode.PERMISSION_DENIED
        )
    stranger = mint(OTHER_SHOP, AWARD)
    assert status_of(lambda: world.caller.purge(token=stranger)) is (
        grpc.StatusCode.PERMISSION_DENIED
    )
    assert world.badges(anna) == []
    assert world.caller.award(anna, token=mint(SHOP, EDIT)).status == pb.AWARD_STATUS_AWARDED


def test_what_does_not_exist_is_not_found_and_what_may_not_be_had_yet_is_said(world: World) -> None:
    anna = new_customer()
    assert status_of(lambda: world.caller.award(anna, "unknown")) is grpc.StatusCode.NOT_FOUND
    assert status_of(lambda: world.caller.award(anna, "local")) is (
        grpc.StatusCode.FAILED_PRECONDITION
    )
    world.users.behaviour.lie = Lie.NOBODY
    assert status_of(lambda: world.caller.award(new_customer())) is grpc.StatusCode.NOT_FOUND
    assert world.caller.award(anna).status == pb.AWARD_STATUS_AWARDED  # is known here


def test_a_service_that_is_away_is_unavailable_and_nothing_is_done(world: World) -> None:
    anna, berta = new_customer(), new_customer()
    token = mint(SHOP, AWARD)
    assert world.caller.award(anna, token=token).status == pb.AWARD_STATUS_AWARDED
    world.users.stop()
    assert status_of(lambda: world.caller.award(berta, token=token)) is grpc.StatusCode.UNAVAILABLE
    world.auth.stop()
    other = mint(SHOP, AWARD)
    assert status_of(lambda: world.caller.award(anna, token=other)) is grpc.StatusCode.UNAVAILABLE
    again = world.caller.award(anna, token=token)  # the token is known
    assert again.status == pb.AWARD_STATUS_ALREADY_AWARDED
    assert world.badges(berta) == []


def test_audit_logs_are_purged_and_one_entry_remains(world: World) -> None:
    with psycopg.connect(world.dsn) as database:
        database.execute(
            "INSERT INTO audit_logs (merchant_id, actor, action, subject, outcome)"
            " SELECT %s, 'a', 'b', 'c', 'ok' FROM generate_series(1, 10)",
            (SHOP,),
        )
    first = world.caller.purge()
    assert (first.status, first.rows_deleted) == (pb.PURGE_STATUS_PURGED, 10)
    again = world.caller.purge()
    assert again.rows_deleted == 1
    rows = world.rows("SELECT action FROM audit_logs WHERE merchant_id = %s", SHOP)
    assert rows == [("audit.purge",)]
    award_only = mint(SHOP, AWARD)
    assert status_of(lambda: world.caller.purge(token=award_only)) is (
        grpc.StatusCode.PERMISSION_DENIED
    )


def test_a_limit_says_when_to_come_back(
    database_dsn: str, servers: Addresses, redis_url: str
) -> None:
    assert redis_url
    with world_of(database_dsn, servers, GAMIFICATION_AWARD_BADGE_PER_S="1") as world:
        anna = new_customer()
        world.caller.award(anna)
        ended = refusal(lambda: [world.caller.award(anna) for _ in range(20)])
        assert ended.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        status = rpc_status.from_call(ended)
        assert status is not None
        info = error_details_pb2.RetryInfo()
        assert status.details[0].Unpack(info)
        assert 0 < info.retry_delay.ToTimedelta().total_seconds() <= 1
        other = mint(OTHER_SHOP, AWARD)
        answer = world.caller.award(anna, token=other, merchant=OTHER_SHOP)
        assert answer.status == pb.AWARD_STATUS_AWARDED


def test_calls_take_turns_and_those_for_whom_there_is_no_room_are_refused(
    database_dsn: str, servers: Addresses, redis_url: str
) -> None:
    assert redis_url
    token = mint(SHOP, AWARD)
    bounded = world_of(
        database_dsn,
        servers,
        GAMIFICATION_CALLS_AT_ONCE_MAX="2",
        GAMIFICATION_CALLS_WAITING_MAX="3",
        GAMIFICATION_USERS_DEADLINE_MS="20000",
    )
    with bounded as world, ThreadPoolExecutor(8) as threads:
        world.caller.award(new_customer(), token=token)
        world.users.behaviour.delay_s = 1.5
        began_s = time.monotonic()

        def ended(customer: str) -> str:
            try:
                answer = world.caller.award(customer, token=token)
            except grpc.RpcError as error:
                refused: Any = error
                return str(refused.code().name)
            return pb.AwardStatus.Name(answer.status)

        found = Counter(threads.map(ended, [new_customer() for _ in range(8)]))
        assert found == {"AWARD_STATUS_AWARDED": 5, "UNAVAILABLE": 3}
        assert time.monotonic() - began_s > 4.4, "two at a time"
