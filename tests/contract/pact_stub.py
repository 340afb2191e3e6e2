"""A gRPC server that answers as a pact says: what a caller's own tests run against."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.json_format import ParseDict
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from gamification.generated.gamification.v1 import gamification_pb2 as pb
from gamification.generated.gamification.v1.gamification_pb2_grpc import (
    GamificationServiceServicer,
    add_GamificationServiceServicer_to_server,
)
from tests.contract.points_service import as_json

STOPS_WITHIN_S: Final = 5.0


class Stub(GamificationServiceServicer):
    """Answers one interaction of a pact; `asked` is what came, as the pact writes it."""

    def __init__(self, pact: Path, what: str) -> None:
        said = json.loads(pact.read_text())["interactions"]
        [interaction] = [each for each in said if each["description"] == what]
        [answer] = interaction["response"]
        self._body = answer["contents"]["content"]
        self._metadata = answer["metadata"]
        self.asked: dict[str, Any] = {}
        self.authorization: Any = None

    def AwardBadge(  # noqa: N802 - the proto's name
        self, request: pb.AwardBadgeRequest, context: Any
    ) -> pb.AwardBadgeResponse:
        self.asked = as_json(request)
        self.authorization = dict(context.invocation_metadata()).get("authorization")
        code = grpc.StatusCode[self._metadata["grpc-status"]]
        if code is not grpc.StatusCode.OK:
            context.abort_with_status(rpc_status.to_status(self._refusal(code)))
        return ParseDict(self._body, pb.AwardBadgeResponse())

    def _refusal(self, code: grpc.StatusCode) -> Status:
        details = []
        if "retry_delay" in self._body:
            detail = AnyMessage()
            detail.Pack(ParseDict(self._body, RetryInfo()))
            details.append(detail)
        message = self._body.get("message", "")
        return Status(code=code.value[0], message=message, details=details)


@contextmanager
def answering(stub: Stub) -> Iterator[grpc.Channel]:
    """A channel to it."""
    server = grpc.server(ThreadPoolExecutor(1))
    add_GamificationServiceServicer_to_server(stub, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        server.stop(0).wait(STOPS_WITHIN_S)
