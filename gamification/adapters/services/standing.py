"""Does another service answer at all? Its health service is asked, where it has one."""

from typing import Any

import grpc
from grpc_health.v1 import health_pb2 as pb
from grpc_health.v1 import health_pb2_grpc as pb_grpc

from gamification.adapters.services.channels import OPTIONS
from gamification.adapters.tls import TlsPair
from gamification.domain.errors import Unavailable


def answers(name: str, address: str, tls: TlsPair | None, within_s: float) -> str:
    """How it answers, in words. Raises Unavailable when it does not, or says that it is not well.

    Not for an event loop. Nothing of what it says goes on.
    """
    if tls is None:
        channel = grpc.insecure_channel(address, options=OPTIONS)
    else:
        credentials = grpc.ssl_channel_credentials(tls.ca, tls.key, tls.certificate)
        channel = grpc.secure_channel(address, credentials, options=OPTIONS)
    with channel:
        try:
            stub: Any = pb_grpc.HealthStub(channel)
            said = stub.Check(pb.HealthCheckRequest(), timeout=within_s)
        except grpc.RpcError as error:
            code = error.code()
            if code == grpc.StatusCode.UNIMPLEMENTED:
                return "answers, has no health service"
            raise Unavailable(f"{name}: {code.name}") from error
    if said.status != pb.HealthCheckResponse.SERVING:
        raise Unavailable(f"{name}: says that it is not serving")
    return "answers, and says that it is serving"
