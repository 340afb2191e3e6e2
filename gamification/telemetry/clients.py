"""Clients' addresses as keyed hashes: log lines can be put together by client, and name none.

Without the key nobody can find the address by hashing all that there are, as anybody could with a
plain hash: there are only four billion.
"""

import ipaddress
import secrets
from hashlib import blake2b
from typing import Final
from urllib.parse import unquote

KEY_BYTES: Final = 32
HASH_BYTES: Final = 8
"""Long enough that two clients of one service do not meet, short enough to be read aloud."""
IP: Final = frozenset({"ipv4", "ipv6"})


class ClientHash:
    """Hashes with one key; with a key of its own, forgotten with the process, when given none."""

    def __init__(self, secret: str = "") -> None:
        # A secret may have any length; a key of blake2b may not.
        self._key = (
            blake2b(secret.encode(), digest_size=KEY_BYTES).digest()
            if secret
            else secrets.token_bytes(KEY_BYTES)
        )

    def of_peer(self, peer: str) -> str:
        """16 hexadecimal digits for what gRPC calls a peer; its port does not count."""
        return blake2b(address_of(peer).encode(), digest_size=HASH_BYTES, key=self._key).hexdigest()


def address_of(peer: str) -> str:
    """`ipv4:192.0.2.1:5000` and `ipv6:%5B2001:db8::1%5D:5000` without port and percent signs.

    One text for all spellings of an address; what is no IP address (`unix:...`) stays as it is.
    """
    kind, _, rest = peer.partition(":")
    if kind not in IP:
        return peer
    host = unquote(rest).rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
