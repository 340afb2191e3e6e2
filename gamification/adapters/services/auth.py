"""Whose a token is: the auth service says, and is believed for a short while.

Who is to blame when the answer does not do? The token when its own claims cannot be used or it
has expired: NotAuthenticated, a new one helps. The service when its answer cannot be read or
contradicts the token: Unavailable, because asking for a new token would not help the caller, and
another instance may answer better. Either way nobody gets in, and nothing is kept.
"""

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from cachetools import TTLCache
from grpc import StatusCode

from gamification.adapters.services import claims
from gamification.adapters.services.call import Service
from gamification.adapters.services.channels import Link, Method
from gamification.adapters.services.claims import Claims
from gamification.adapters.services.shared import SharedCalls
from gamification.domain.errors import NotAuthenticated, Rejected, Unavailable
from gamification.domain.identity import KNOWN_SCOPES, Identity
from gamification.domain.ids import MerchantId
from gamification.generated.auth.v1.auth_pb2 import ValidateTokenRequest, ValidateTokenResponse
from gamification.telemetry import logs
from gamification.wire import fields

NAME: Final = "auth"
METHOD: Final = "/auth.v1.AuthService/ValidateToken"
TOKENS_MAX: Final = 20_000
"""Kept at a time; one takes about 1 KB."""

NO: Final = frozenset(
    {
        StatusCode.UNAUTHENTICATED,
        StatusCode.INVALID_ARGUMENT,
        StatusCode.PERMISSION_DENIED,
        StatusCode.NOT_FOUND,
    }
)

log = logs.get("auth")


class AuthClient:
    """For one event loop. Keeps hashes of tokens, never a token.

    `cache_s` is how long a good answer is believed at most; a bad one is not kept.
    """

    def __init__(
        self,
        link: Link,
        service: Service,
        cache_s: float,
        *,
        now_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._validate: Method[ValidateTokenRequest, ValidateTokenResponse] = link.method(
            METHOD, ValidateTokenRequest.SerializeToString, ValidateTokenResponse.FromString
        )
        self._service = service
        self._now_s = now_s
        # Age by a clock that nobody sets back; expiry, by the one of the world, at every use.
        self._known: TTLCache[bytes, Identity] = TTLCache(TOKENS_MAX, cache_s, monotonic_s)
        self._calls: SharedCalls[bytes, Identity] = SharedCalls()

    async def validate(self, token: str, traceparent: str | None = None) -> Identity:
        """Raises NotAuthenticated; Unavailable when nobody can say. Knows nothing of revoking."""
        claims.check_form(token)
        digest = sha256(token.encode()).digest()
        identity = self._known.get(digest)
        if identity is None:
            identity = await self._calls.ask(digest, lambda: self._ask(digest, token, traceparent))
        if identity.is_expired(self._now_s()):
            raise NotAuthenticated("token: expired")
        return identity

    async def _ask(self, digest: bytes, token: str, traceparent: str | None) -> Identity:
        answer = await self._service.call(
            self._validate, ValidateTokenRequest(jwt_token=token), says=NO, traceparent=traceparent
        )
        if isinstance(answer, StatusCode):
            raise NotAuthenticated("token: not valid")
        try:
            identity = _identity(answer, claims.read(token))
        except _Nonsense as error:
            log.warning("answer_unusable", called=NAME, reason=str(error))
            raise Unavailable(f"{NAME}: its answer cannot be used") from error
        if not identity.is_expired(self._now_s()):
            self._known[digest] = identity
        return identity


class _Nonsense(Exception):
    """The answer cannot be true. The text names the field and holds nothing of its value."""


def _identity(answer: ValidateTokenResponse, said: Claims) -> Identity:
    jti = answer.jti if answer.HasField("jti") else None
    subject = answer.subject if answer.HasField("subject") else None
    ends = [said.expires_at_s, answer.expires_at if answer.HasField("expires_at") else None]
    token_id = _agreed("jti", jti, said.token_id) or said.hashed
    if token_id is None:
        raise NotAuthenticated("token: neither a JWT nor known by an id")
    return Identity(
        merchant_id=_merchant(answer.merchant_id, said.merchant_id),
        scopes=KNOWN_SCOPES & frozenset(answer.scopes),
        token_id=token_id,
        subject=_agreed("subject", subject, said.subject),
        expires_at_s=min((each for each in ends if each is not None), default=None),
    )


def _merchant(answered: str, claimed: str | None) -> MerchantId:
    try:
        merchant = fields.merchant_id(answered)
    except Rejected as error:
        raise _Nonsense("merchant_id: no UUID") from error
    try:
        is_other = claimed is not None and fields.merchant_id(claimed) != merchant
    except Rejected:
        is_other = False  # a claim of that name that means something else
    if is_other:
        raise _Nonsense("merchant_id: not the token's")
    return merchant


def _agreed(name: str, answered: str | None, claimed: str | None) -> str | None:
    if answered is None:
        return claimed
    if not claims.is_name(answered):
        raise _Nonsense(f"{name}: no name")
    if claimed is not None and claimed != answered:
        raise _Nonsense(f"{name}: not the token's")
    return answered
