"""Our errors as statuses. Nothing of us leaves: no stack, no SQL, no names of servers."""

import math
from typing import Final, NamedTuple

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from gamification.domain.errors import (
    Halt,
    InvalidArgument,
    NotAuthenticated,
    NotEligible,
    NotFound,
    NotPermitted,
    Refused,
    TooManyRequests,
    Unavailable,
)

CODES: Final[dict[type[Refused], grpc.StatusCode]] = {
    InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    NotAuthenticated: grpc.StatusCode.UNAUTHENTICATED,
    NotPermitted: grpc.StatusCode.PERMISSION_DENIED,
    NotFound: grpc.StatusCode.NOT_FOUND,
    NotEligible: grpc.StatusCode.FAILED_PRECONDITION,
    TooManyRequests: grpc.StatusCode.RESOURCE_EXHAUSTED,
}

AWAY: Final = "a dependency is away; try again"
BROKEN: Final = "internal error"


class Told(NamedTuple):
    """What a caller is told."""

    code: grpc.StatusCode
    message: str
    trailers: tuple[tuple[str, str | bytes], ...] = ()


def told(error: BaseException) -> Told:
    """The status for any exception."""
    match error:
        case TooManyRequests(retry_after_s=wait_s):
            return Told(CODES[TooManyRequests], str(error), _retry_info(str(error), wait_s))
        case Refused():
            return Told(CODES[type(error)], str(error))
        case Unavailable():
            return Told(grpc.StatusCode.UNAVAILABLE, AWAY)
        case Halt():
            # We stopped ourselves: another instance, or this one after a repair, may answer.
            return Told(grpc.StatusCode.UNAVAILABLE, AWAY)
        case _:
            return Told(grpc.StatusCode.INTERNAL, BROKEN)


def _retry_info(message: str, wait_s: float) -> tuple[tuple[str, str | bytes], ...]:
    """RetryInfo, as google.rpc wants it, rounded up to a whole microsecond."""
    detail = AnyMessage()
    wait_us = math.ceil(wait_s * 1_000_000)
    delay = Duration(seconds=wait_us // 1_000_000, nanos=wait_us % 1_000_000 * 1_000)
    detail.Pack(RetryInfo(retry_delay=delay))
    code = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    status = rpc_status.to_status(Status(code=code, message=message, details=[detail]))
    return tuple(status.trailing_metadata or ())
