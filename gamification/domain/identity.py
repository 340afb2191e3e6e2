"""Who calls, and the one table of what which scope allows. Whatever it does not name is denied."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gamification.domain.errors import NotPermitted
from gamification.domain.ids import MerchantId


class Scope(StrEnum):
    """Every scope that means something here; others in a token are ignored."""

    AWARD = "gamification:award"
    INGEST = "gamification:ingest"
    READ = "gamification:read"
    REDEEM = "gamification:redeem"
    MERCHANT = "gamification:merchant"
    OPERATE = "gamification:operate"
    EDIT = "admin:gamification:edit"


KNOWN_SCOPES: Final[frozenset[str]] = frozenset(Scope)


class Operation(StrEnum):
    """What a caller may ask for. A new one is denied to everybody until the table names it."""

    AWARD_BADGE = "AwardBadge"
    PURGE_AUDIT_LOGS = "PurgeAuditLogs"


ALLOWED_BY: Final[Mapping[Operation, frozenset[Scope]]] = MappingProxyType(
    {
        Operation.AWARD_BADGE: frozenset({Scope.AWARD, Scope.EDIT}),
        Operation.PURGE_AUDIT_LOGS: frozenset({Scope.EDIT}),
    }
)
"""One of these scopes is enough."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a valid token says. It never holds the token."""

    merchant_id: MerchantId
    scopes: frozenset[str]
    token_id: str
    """What the blacklist knows the token by: its `jti`, or a hash where it has none."""
    subject: str | None
    """Who the token was given to. May be personal: not for logs."""
    expires_at_s: int | None
    """Seconds since 1970; None when nobody says."""

    def is_expired(self, now_s: float) -> bool:
        """Whether the token's time is over at `now_s` seconds since 1970."""
        return self.expires_at_s is not None and now_s >= self.expires_at_s


def require(identity: Identity, operation: Operation, merchant_id: MerchantId) -> None:
    """Raises NotPermitted unless `identity` may do this for this merchant.

    The merchant comes first: what others' operations need is nobody's business.
    """
    if identity.merchant_id != merchant_id:
        raise NotPermitted("merchant_id: the token is for another merchant")
    allowed_by = ALLOWED_BY.get(operation, frozenset())
    if identity.scopes.isdisjoint(allowed_by):
        wanted = " or ".join(sorted(allowed_by)) or "a scope that does not exist"
        raise NotPermitted(f"{operation} needs the scope {wanted}")
