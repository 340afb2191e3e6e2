"""Tokens for the demo and the tests, signed with a key that everybody knows."""

import time
import uuid
from collections.abc import Sequence
from typing import Any, Final

import jwt

KEY: Final = b"for the demo and tests only: this key is public and protects nothing"
ALGORITHM: Final = "HS256"
LIFE_S: Final = 3600


def mint(merchant_id: str, scopes: Sequence[str], *, life_s: float = LIFE_S, **claims: Any) -> str:
    """A token for a merchant, with a `jti`; `claims` add to the usual ones, None takes one away."""
    said = {
        "merchant_id": merchant_id,
        "scopes": list(scopes),
        "jti": uuid.uuid4().hex,
        "sub": "demo",
        "exp": int(time.time() + life_s),
        **claims,
    }
    kept = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(kept, KEY, algorithm=ALGORITHM)


def verify(token: str) -> dict[str, Any] | None:
    """The claims of one of our tokens; None when it is not one or has expired."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token, KEY, algorithms=[ALGORITHM], options={"verify_sub": False, "verify_jti": False}
        )
    except jwt.PyJWTError:
        return None
    return claims
