"""The privacy sweep's eyes: it sees a text in whatever form it hides."""

import base64
from urllib.parse import quote

import pytest

from tests.faults.privacy_search import Needles

ADDRESS = "anna.von-privat@customers.example"
HIDDEN = [
    ADDRESS.encode(),
    quote(ADDRESS, safe="").encode(),
    ADDRESS.encode().hex().encode(),
    ADDRESS.encode().hex().upper().encode(),
    *(base64.b64encode(b"x" * before + ADDRESS.encode() + b"and more") for before in range(4)),
    base64.urlsafe_b64encode(b"\xff\xff" + ADDRESS.encode()),
]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_an_address_is_found_in_every_form(hidden: bytes) -> None:
    assert Needles([ADDRESS]).found_in(b'{"said":"' + hidden + b'"}')


@pytest.mark.parametrize("other", [b"", b"anna@example.org", b"customers.example", b"\x00" * 1000])
def test_nothing_else_is_taken_for_it(other: bytes) -> None:
    assert not Needles([ADDRESS]).found_in(other)
