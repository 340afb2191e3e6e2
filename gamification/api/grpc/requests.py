"""What callers send, checked field by field."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from gamification.domain.errors import InvalidArgument, NotAuthenticated, Rejected
from gamification.domain.ids import BadgeId, CustomerId, MerchantId
from gamification.wire import fields

BADGE: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)?")
BADGE_CHARACTERS_MAX: Final = 129
LOCALE: Final = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
SCHEME: Final = "bearer "
UNREADABLE: Final = "request: not a message of this method"

Request = TypeVar("Request")


def readable(request: Request | None) -> Request:
    """Raises InvalidArgument for bytes that could not be read as the method's message."""
    if request is None:
        raise InvalidArgument(UNREADABLE)
    return request


def merchant_id(text: str) -> MerchantId:
    """Raises InvalidArgument."""
    with _as_argument():
        return fields.merchant_id(text)


def customer_id(text: str) -> CustomerId:
    """Raises InvalidArgument."""
    with _as_argument():
        return fields.customer_id(text, "customer_id")


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
    """The token of an `authorization` header, of whatever form. Raises NotAuthenticated."""
    text = header.decode("ascii", "replace") if isinstance(header, bytes) else header or ""
    token = text[len(SCHEME) :].strip()
    if not token or not text.lower().startswith(SCHEME):
        raise NotAuthenticated("metadata authorization: Bearer and a token are needed")
    return token


@contextmanager
def _as_argument() -> Iterator[None]:
    """Events are rejected for what a call's argument is refused for."""
    try:
        yield
    except Rejected as error:
        raise InvalidArgument(error.detail) from None
