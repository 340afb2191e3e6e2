"""Clients' addresses as log lines name them: one name for one address, which it does not tell."""

import pytest

from gamification.telemetry.clients import ClientHash, address_of

KEY = "a key for tests only"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.1:50000", "192.0.2.1"),
        ("ipv6:[2001:db8::1]:50000", "2001:db8::1"),
        ("ipv6:%5B2001:db8::1%5D:50000", "2001:db8::1"),
        ("ipv6:%5B2001:0db8:0:0::0001%5D:1", "2001:db8::1"),
        ("ipv6:%5Bfe80::1%25eth0%5D:50000", "fe80::1"),
        ("ipv6:%5B::ffff:192.0.2.1%5D:50000", "192.0.2.1"),
        ("unix:", "unix:"),
        ("unix:/run/gamification.sock", "unix:/run/gamification.sock"),
        ("ipv4:nonsense", "ipv4:nonsense"),
        ("", ""),
    ],
)
def test_an_address_is_the_same_for_every_port_and_spelling(peer: str, address: str) -> None:
    assert address_of(peer) == address


def test_one_address_has_one_hash_in_every_process_with_the_key() -> None:
    first = ClientHash(KEY).of_peer("ipv4:192.0.2.1:50000")

    assert first == ClientHash(KEY).of_peer("ipv4:192.0.2.1:50001")
    assert first != ClientHash(KEY).of_peer("ipv4:192.0.2.2:50000")
    assert len(first) == 16


def test_another_key_makes_another_hash() -> None:
    peer = "ipv4:192.0.2.1:50000"

    hashes = {ClientHash(key).of_peer(peer) for key in (KEY, KEY + "!", "k" * 500)}

    assert len(hashes) == 3


def test_without_a_key_a_process_agrees_with_itself_only() -> None:
    peer = "ipv4:192.0.2.1:50000"
    ours, another = ClientHash(), ClientHash()

    assert ours.of_peer(peer) == ours.of_peer(peer)
    assert ours.of_peer(peer) != another.of_peer(peer)
