"""Who calls, and whether they may: asked for every call, and told in the log when it is a no."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from gamification.domain.errors import NotAuthenticated, NotPermitted
from gamification.domain.identity import Identity, Operation, require
from gamification.domain.ids import MerchantId
from gamification.telemetry import logs

Validate: TypeAlias = Callable[[str, str | None], Awaitable[Identity]]
IsRevoked: TypeAlias = Callable[[str], Awaitable[bool]]

log = logs.get("authenticate")


class Authenticator:
    """`validate` is AuthClient's, `is_revoked` is Blacklist's."""

    def __init__(self, validate: Validate, is_revoked: IsRevoked) -> None:
        self._validate = validate
        self._is_revoked = is_revoked

    async def identify(self, token: str, traceparent: str | None = None) -> Identity:
        """Raises NotAuthenticated; Unavailable or Halt when nobody can say: then refuse, too."""
        try:
            identity = await self._validate(token, traceparent)
        except NotAuthenticated as error:
            log.warning("authentication_failed", reason=str(error))
            raise
        if await self._is_revoked(identity.token_id):
            log.warning(
                "authentication_failed",
                reason="token: revoked",
                merchant_id=identity.merchant_id,
                token_id=identity.token_name,
            )
            raise NotAuthenticated("token: revoked")
        return identity


def permit(identity: Identity, operation: Operation, merchant_id: MerchantId) -> None:
    """Raises NotPermitted unless the table allows it, for this merchant."""
    try:
        require(identity, operation, merchant_id)
    except NotPermitted as error:
        log.warning(
            "permission_denied",
            operation=operation,
            reason=str(error),
            merchant_id=identity.merchant_id,
            asked_merchant_id=merchant_id,
            token_id=identity.token_name,
        )
        raise
