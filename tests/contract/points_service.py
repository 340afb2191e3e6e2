"""A caller as another team would write it: the points service, and what it does with our answers.

It shares nothing with the service but the proto.
"""

from enum import Enum, auto
from typing import Any, Final, NamedTuple

import grpc
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status

from gamification.generated.gamification.v1 import gamification_pb2 as pb
from gamification.generated.gamification.v1.gamification_pb2_grpc import GamificationServiceStub

WITHIN_S: Final = 20.0


class Next(Enum):
    """What the points service does next."""

    CONGRATULATE = auto()
    NOTHING = auto()
    RENEW_TOKEN = auto()
    TRY_LATER = auto()
    GIVE_UP = auto()
    """It would be refused for ever: somebody has to look at it."""


class Outcome(NamedTuple):
    next: Next
    name: str = ""
    """What to tell the customer; or, when it gives up, which of its fields was wrong."""
    after_s: float | None = None
    """For how long to leave us alone, when we said so."""


AFTER_REFUSAL: Final = {
    grpc.StatusCode.UNAUTHENTICATED: Next.RENEW_TOKEN,
    grpc.StatusCode.FAILED_PRECONDITION: Next.NOTHING,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Next.TRY_LATER,
    grpc.StatusCode.UNAVAILABLE: Next.TRY_LATER,
    grpc.StatusCode.DEADLINE_EXCEEDED: Next.TRY_LATER,
}


def give_badge(channel: grpc.Channel, token: str, request: pb.AwardBadgeRequest) -> Outcome:
    """Ask for a badge once."""
    stub: Any = GamificationServiceStub(channel)  # type: ignore[no-untyped-call]
    metadata = [("authorization", f"Bearer {token}")]
    try:
        answer = stub.AwardBadge(request, metadata=metadata, timeout=WITHIN_S)
    except grpc.RpcError as error:
        return _after(error)
    if answer.status == pb.AWARD_STATUS_AWARDED:
        return Outcome(Next.CONGRATULATE, answer.badge_name)
    return Outcome(Next.NOTHING, answer.badge_name)


def retry_after_s(error: Any) -> float | None:
    """What a refusal says about when to come back."""
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = RetryInfo()
        if detail.Unpack(info):
            return float(info.retry_delay.ToTimedelta().total_seconds())
    return None


def as_json(message: Any) -> dict[str, Any]:
    """A message as the pact writes it: the proto's JSON form, with the proto's own names."""
    said: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return said


def _after(error: Any) -> Outcome:
    code = error.code()
    following = AFTER_REFUSAL.get(code, Next.GIVE_UP)
    field = ""
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        field = (error.details() or "").partition(":")[0]
    return Outcome(following, field, retry_after_s(error))
