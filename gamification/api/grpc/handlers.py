"""Which method is answered by what, such that bytes which are no message are a caller's mistake.

The generated and the library's own tables take them for ours: an INTERNAL and a traceback in the
log, for each call of anybody who likes to write garbage.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from gamification.api.grpc import health
from gamification.api.grpc.health import HealthServicer
from gamification.api.grpc.service import SERVICE, GamificationServicer
from gamification.generated.gamification.v1 import gamification_pb2 as pb

SHORT: Final = "gamification.v1"
"""The same methods also answer as /gamification.v1/AwardBadge and /gamification.v1/PurgeAuditLogs.
"""

Read = TypeVar("Read", bound=Message)


def all_handlers(
    servicer: GamificationServicer, of_health: HealthServicer
) -> tuple[grpc.GenericRpcHandler, ...]:
    """Of our methods, of health and of reflection."""
    names = (SERVICE, health.NAME, reflection.SERVICE_NAME)
    return (*(_ours(name, servicer) for name in (SERVICE, SHORT)), _health(of_health), _told(names))


def _ours(name: str, servicer: GamificationServicer) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        name,
        {
            "AwardBadge": grpc.unary_unary_rpc_method_handler(
                servicer.AwardBadge,
                request_deserializer=_or_none(pb.AwardBadgeRequest),
                response_serializer=pb.AwardBadgeResponse.SerializeToString,
            ),
            "PurgeAuditLogs": grpc.unary_unary_rpc_method_handler(
                servicer.PurgeAuditLogs,
                request_deserializer=_or_none(pb.PurgeAuditLogsRequest),
                response_serializer=pb.PurgeAuditLogsResponse.SerializeToString,
            ),
        },
    )


def _health(servicer: HealthServicer) -> grpc.GenericRpcHandler:
    read = _or_none(health_pb2.HealthCheckRequest)
    write = health_pb2.HealthCheckResponse.SerializeToString
    return grpc.method_handlers_generic_handler(
        health.NAME,
        {
            "Check": grpc.unary_unary_rpc_method_handler(servicer.Check, read, write),
            "Watch": grpc.unary_stream_rpc_method_handler(servicer.Watch, read, write),
        },
    )


def _told(names: tuple[str, ...]) -> grpc.GenericRpcHandler:
    """Reflection. It has an answer of its own for a request that asks nothing."""
    read = _or_none(reflection_pb2.ServerReflectionRequest)
    return grpc.method_handlers_generic_handler(
        reflection.SERVICE_NAME,
        {
            "ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
                reflection.aio.ReflectionServicer(names).ServerReflectionInfo,
                lambda raw: read(raw) or reflection_pb2.ServerReflectionRequest(),
                reflection_pb2.ServerReflectionResponse.SerializeToString,
            )
        },
    )


def _or_none(kind: type[Read]) -> Callable[[bytes], Read | None]:
    def read(raw: bytes) -> Read | None:
        try:
            return kind.FromString(raw)
        except DecodeError:
            return None

    return read
