"""A small auth service: it knows the tokens that `tokens.mint` made, and others given to it."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

import grpc

from deploy.neighbours.behaviour import GARBAGE, Behaviour, Context, Lie
from deploy.neighbours.tokens import verify
from gamification.generated.auth.v1.auth_pb2 import ValidateTokenRequest, ValidateTokenResponse


class Auth:
    """`known` are further tokens, of any form, with what to answer for each.

    With `says_all` the answer repeats `jti`, `subject` and `expires_at`; without, they have to be
    read from the token.
    """

    def __init__(
        self, known: Mapping[str, ValidateTokenResponse] | None = None, *, says_all: bool = False
    ) -> None:
        self.behaviour = Behaviour()
        self._known = dict(known or {})
        self._says_all = says_all

    def handler(self) -> grpc.GenericRpcHandler:
        """For a grpc.aio server."""
        method = grpc.unary_unary_rpc_method_handler(
            self._validate,
            request_deserializer=ValidateTokenRequest.FromString,
            response_serializer=bytes,
        )
        return grpc.method_handlers_generic_handler(
            "auth.v1.AuthService", {"ValidateToken": method}
        )

    async def _validate(self, request: ValidateTokenRequest, context: Context) -> bytes:
        await self.behaviour.before_answer(context)
        lie = self.behaviour.lie
        if lie is Lie.GARBAGE:
            return GARBAGE
        answer = self._find(request.jwt_token)
        if answer is None or lie is Lie.NOBODY:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no such token")
        if lie is not None:
            _bend(answer, lie)
        return answer.SerializeToString()

    def _find(self, token: str) -> ValidateTokenResponse | None:
        if token in self._known:
            answer = ValidateTokenResponse()
            answer.CopyFrom(self._known[token])  # a lie must not last
            return answer
        claims: dict[str, Any] | None = verify(token)
        if claims is None:
            return None
        answer = ValidateTokenResponse(
            merchant_id=claims.get("merchant_id", ""), scopes=claims.get("scopes", [])
        )
        if self._says_all:
            answer.jti = claims.get("jti", "")
            answer.subject = claims.get("sub", "")
            answer.expires_at = claims.get("exp", 0)
        return answer


def _bend(answer: ValidateTokenResponse, lie: Lie) -> None:
    if lie is Lie.OTHER_MERCHANT:
        answer.merchant_id = str(uuid.uuid4())
    elif lie is Lie.NONSENSE:
        answer.merchant_id = "the merchant around the corner"
    elif lie is Lie.OTHER_TOKEN:
        answer.jti = uuid.uuid4().hex
    elif lie is Lie.EXPIRED:
        answer.expires_at = int(time.time()) - 1
