"""What callers are told of our errors: the status, the field, and nothing of us."""

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from gamification.api.grpc import requests
from gamification.api.grpc.statuses import told
from gamification.domain.errors import (
    GamificationError,
    Halt,
    InvalidArgument,
    NotAuthenticated,
    NotEligible,
    NotFound,
    NotPermitted,
    Refused,
    Suspect,
    TooManyRequests,
    Unavailable,
)

CODES = {
    InvalidArgument("badge: no"): "INVALID_ARGUMENT",
    NotAuthenticated("no"): "UNAUTHENTICATED",
    NotPermitted("no"): "PERMISSION_DENIED",
    NotFound("badge: no"): "NOT_FOUND",
    NotEligible("not yet"): "FAILED_PRECONDITION",
    TooManyRequests("slowly", 1.5): "RESOURCE_EXHAUSTED",
}
UUID = "0190A8B2-5c1e-7d3a-9f00-6a2b3c4d5e6f"


@pytest.mark.parametrize(("error", "code"), CODES.items(), ids=lambda v: type(v).__name__)
def test_a_refusal_keeps_its_words(error: Refused, code: str) -> None:
    assert (told(error).code.name, told(error).message) == (code, str(error))


def test_every_refusal_has_a_status() -> None:
    assert {type(error) for error in CODES} == set(Refused.__subclasses__())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable("postgres: 08006 host db-7"), grpc.StatusCode.UNAVAILABLE),
        (Halt("relation profiles does not exist"), grpc.StatusCode.UNAVAILABLE),
        (Suspect("22003 ledger"), grpc.StatusCode.INTERNAL),
        (ValueError("secret"), grpc.StatusCode.INTERNAL),
    ],
    ids=lambda value: getattr(value, "name", type(value).__name__),
)
def test_our_own_trouble_says_nothing_of_us(
    error: GamificationError | ValueError, code: grpc.StatusCode
) -> None:
    assert told(error).code is code
    assert str(error) not in told(error).message
    assert not told(error).trailers


def test_a_limit_says_exactly_when_to_come_back() -> None:
    [(key, raw)] = told(TooManyRequests("slowly", 1.000_000_5)).trailers
    assert key == "grpc-status-details-bin"
    assert isinstance(raw, bytes)
    [detail] = status_pb2.Status.FromString(raw).details
    info = error_details_pb2.RetryInfo()
    assert detail.Unpack(info)
    assert (info.retry_delay.seconds, info.retry_delay.nanos) == (1, 1_000)


@pytest.mark.parametrize(
    "text", ["", "x", UUID[:-1], UUID + "0", UUID.replace("-", ""), "{" + UUID[1:-1] + "}"]
)
def test_an_id_that_is_none_is_named(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^merchant_id: a UUID"):
        requests.merchant_id(text)
    with pytest.raises(InvalidArgument, match=r"^customer_id: a UUID"):
        requests.customer_id(text)


def test_ids_in_upper_case_are_the_same_ids() -> None:
    assert requests.merchant_id(UUID) == requests.merchant_id(UUID.lower())


@pytest.mark.parametrize(
    "text", ["", "Collector", "a--b", "a.", ".a", "a.b.c", "a b", "ä", "a" * 130]
)
def test_a_badge_that_can_be_none_is_named(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^badge: "):
        requests.badge_id(text)


@pytest.mark.parametrize("text", ["collector", "collector.gold", "week-1"])
def test_a_badges_id_is_taken_as_it_is(text: str) -> None:
    assert requests.badge_id(text) == text


def test_a_language_may_be_left_out() -> None:
    assert requests.locale("") is None
    assert requests.locale("pt-BR") == "pt-BR"
    for wrong in ("e", "english", "en-", "en\0", "../en", "en;q=1"):
        with pytest.raises(InvalidArgument, match=r"^locale: "):
            requests.locale(wrong)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic abc", b"abc", "Basic Bearer abc"]
)
def test_a_header_without_a_token_is_refused(header: str | bytes | None) -> None:
    with pytest.raises(NotAuthenticated):
        requests.bearer_token(header)


def test_a_token_is_found() -> None:
    assert requests.bearer_token(b"bearer abc.def") == "abc.def"
