"""What a token says of itself, and what it must not say."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.neighbours.tokens import KEY
from gamification.adapters.services import claims
from gamification.domain.errors import NotAuthenticated

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def token(**said: Any) -> str:
    return unsigned(json.dumps(said).encode())


def unsigned(payload: bytes) -> str:
    """A JWT with any bytes as its payload; nobody looks at the signature here."""
    parts = (b'{"alg":"HS256","typ":"JWT"}', payload, b"signature")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_claims_are_read_without_a_key() -> None:
    said = claims.read(token(jti="t-1", sub="me", merchant_id="m", exp=1_900_000_000.7, x=[1]))

    assert (said.token_id, said.subject, said.merchant_id) == ("t-1", "me", "m")
    assert said.expires_at_s == 1_900_000_000


@pytest.mark.parametrize(
    "other",
    [
        "opaque",
        "a.b.c",
        "....",
        unsigned(b"[1, 2]"),
        unsigned(b"\xff"),
        unsigned(b"[" * 5000),
        unsigned(b'{"exp": ' + b"9" * 5000 + b"}"),
    ],
    ids=["opaque", "no base64", "dots", "a list", "no text", "deep", "a long number"],
)
def test_what_is_no_jwt_says_nothing_and_has_no_hash(other: str) -> None:
    assert claims.read(other) == claims.Claims()


@pytest.mark.parametrize(
    "wrong",
    [
        {"jti": 7},
        {"jti": ""},
        {"jti": "a\nb"},
        {"jti": "\ud800"},
        {"jti": "x" * 257},
        {"sub": ["me"]},
        {"sub": "\0"},
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 10**400},
    ],
    ids=str,
)
def test_a_claim_that_cannot_be_used_refuses_the_token(wrong: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticated, match=f"^token: its {next(iter(wrong))} must be"):
        claims.read(token(**wrong))


def test_a_token_with_another_signature_of_the_same_words_has_the_same_hash() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    one, other = (jwt.encode({"sub": "me"}, key, algorithm="ES256") for _ in range(2))
    assert one != other, "signatures of this kind are never the same"

    assert claims.read(one).hashed == claims.read(other).hashed


def test_a_token_spelled_otherwise_is_none() -> None:
    signed = jwt.encode({"jti": "t-1"}, KEY, algorithm="HS256")
    # The last of 43 letters has two bits that mean nothing.
    twin = signed[:-1] + LETTERS[LETTERS.index(signed[-1]) ^ 1]
    bits = [base64.urlsafe_b64decode(each[-43:] + "=") for each in (signed, twin)]
    assert bits[0] == bits[1], "those who are less strict take it"

    assert claims.read(twin) == claims.Claims()


def test_two_tokens_have_two_hashes() -> None:
    assert claims.read(token(sub="me")).hashed != claims.read(token(sub="you")).hashed


@pytest.mark.parametrize("text", ["", "x" * 8193, "a b", "a\n", "tök", "\ud800", "a\0"])
def test_what_cannot_be_a_token_is_refused(text: str) -> None:
    with pytest.raises(NotAuthenticated, match=r"^token: ") as refused:
        claims.check_form(text)
    assert not text or text not in str(refused.value)


def test_eight_kibibytes_are_allowed() -> None:
    claims.check_form("x" * 8192)
