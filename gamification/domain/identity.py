"""Who calls, and the one table of what which scope allows. Whatever it does not name is denied."""

import re
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


PLAIN_ID: Final = re.compile(r"[A-Za-z0-9._:|/+=-]{1,128}")
"""What auth services make ids of. An address has an `@`, and a name has spaces."""
UNNAMED: Final = "unnamed"


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
    """Who the token was given to. May be personal: see `actor`; not for logs."""
    expires_at_s: int | None
    """Seconds since 1970; None when nobody says."""

    @property
    def actor(self) -> str:
        """Who it is in the audit log: the subject, unless that may be an address or a name.

        Then the token's id: who made the token knows whom it was given to.
        """
        return plain_id(self.subject) or self.token_name

    @property
    def token_name(self) -> str:
        """The token's id as log lines may show it."""
        return plain_id(self.token_id) or UNNAMED

    def is_expired(self, now_s: float) -> bool:
        """Whether the token's time is over at `now_s` seconds since 1970."""
        return self.expires_at_s is not None and now_s >= self.expires_at_s


def plain_id(text: str | None) -> str | None:
    """The text if it is plainly an id, and of nobody's address or name; else None."""
    return text if text is not None and PLAIN_ID.fullmatch(text) else None


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
