"""What a token says of itself. Signatures are not checked here: that is the auth service's work."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import jwt

from gamification.domain.errors import NotAuthenticated

TOKEN_BYTES_MAX: Final = 8 * 1024
NAME_CHARACTERS_MAX: Final = 256
SECONDS_MAX: Final = 2**53
"""Up to here every number can be compared with a clock's."""
NOTHING_CHECKED: Final[Any] = {"verify_signature": False}


@dataclass(frozen=True, slots=True)
class Claims:
    """None is what the token does not say."""

    hashed: str | None = None
    """What a JWT without `jti` is known by: SHA-256, hexadecimal."""
    token_id: str | None = None
    subject: str | None = None
    merchant_id: str | None = None
    """As text, and of any form."""
    expires_at_s: int | None = None


def check_form(token: str) -> None:
    """Raises NotAuthenticated for a text that cannot be a token: empty, too long, odd letters."""
    if not token:
        raise NotAuthenticated("token: missing")
    if len(token) > TOKEN_BYTES_MAX:
        raise NotAuthenticated(f"token: at most {TOKEN_BYTES_MAX} bytes")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise NotAuthenticated("token: visible ASCII characters only")


def read(token: str) -> Claims:
    """The claims of a JWT; nothing at all of a token that cannot be read as one.

    Not even a hash: whoever finds another spelling of a revoked token, which the auth service
    takes and we cannot read, would have a token with a new id. For the same reason the hash
    leaves the signature out: of the same words there can be many.

    Raises NotAuthenticated when a claim that we rest on has a value that it must not have.
    """
    try:
        said = jwt.decode(token, options=NOTHING_CHECKED)
    except (jwt.PyJWTError, ValueError, RecursionError):
        return Claims()
    merchant_id = said.get("merchant_id")
    return Claims(
        hashed=sha256(token.rpartition(".")[0].encode()).hexdigest(),
        token_id=_name(said, "jti"),
        subject=_name(said, "sub"),
        merchant_id=merchant_id if isinstance(merchant_id, str) else None,
        expires_at_s=_seconds(said, "exp"),
    )


def is_name(text: str) -> bool:
    """Whether a text can be an id: in a key, in a log line."""
    return 0 < len(text) <= NAME_CHARACTERS_MAX and text.isprintable()


def _name(said: dict[str, Any], claim: str) -> str | None:
    value = said.get(claim)
    if value is None or (isinstance(value, str) and is_name(value)):
        return value
    raise NotAuthenticated(f"token: its {claim} must be 1 to {NAME_CHARACTERS_MAX} characters")


def _seconds(said: dict[str, Any], claim: str) -> int | None:
    value = said.get(claim)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not -SECONDS_MAX <= value <= SECONDS_MAX:
        raise NotAuthenticated(f"token: its {claim} must be a number of seconds")
    return int(value)
