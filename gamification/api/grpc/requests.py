"""What callers send, checked field by field."""

import re
import uuid
from typing import Final

from gamification.domain.errors import InvalidArgument, NotAuthenticated
from gamification.domain.ids import BadgeId, CustomerId, MerchantId

BADGE: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)?")
BADGE_CHARACTERS_MAX: Final = 129
LOCALE: Final = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
TOKEN_BYTES_MAX: Final = 8 * 1024
SCHEME: Final = "bearer "


def merchant_id(text: str) -> MerchantId:
    """Raises InvalidArgument."""
    return MerchantId(_uuid(text, "merchant_id"))


def customer_id(text: str) -> CustomerId:
    """Raises InvalidArgument."""
    return CustomerId(_uuid(text, "customer_id"))


def badge_id(text: str) -> BadgeId:
    """Raises InvalidArgument."""
    if len(text) > BADGE_CHARACTERS_MAX or not BADGE.fullmatch(text):
        raise InvalidArgument("badge: the id of a badge, such as collector or collector.gold")
    return BadgeId(text)


def locale(text: str) -> str | None:
    """None when the caller leaves it to us. Raises InvalidArgument."""
    if not text:
        return None
    if not LOCALE.fullmatch(text):
        raise InvalidArgument("locale: a language such as en or pt-BR, or empty")
    return text


def bearer_token(header: str | bytes | None) -> str:
    """The token of an `authorization` header. Raises NotAuthenticated."""
    if header is None:
        raise NotAuthenticated("metadata authorization: Bearer and a token are needed")
    text = header.decode("ascii", "replace") if isinstance(header, bytes) else header
    if not text.lower().startswith(SCHEME):
        raise NotAuthenticated("metadata authorization: Bearer and a token are needed")
    return token(text[len(SCHEME) :].strip())


def token(text: str) -> str:
    """Raises NotAuthenticated."""
    if not text or len(text) > TOKEN_BYTES_MAX or not text.isascii() or not text.isprintable():
        raise NotAuthenticated("the token is empty, too long or no token")
    return text


def _uuid(text: str, field: str) -> bytes:
    if not UUID.fullmatch(text):
        raise InvalidArgument(f"{field}: a UUID such as 0190a8b2-5c1e-7d3a-9f00-6a2b3c4d5e6f")
    return uuid.UUID(text).bytes
