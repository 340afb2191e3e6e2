"""Ids of facts: the same fact has the same id, however often and wherever it is computed.

UUIDv5 of RFC 9562, by hand: Python's own takes four times as long, and one is made for each
announcement.
"""

from hashlib import sha1
from typing import Final

NAMESPACE: Final = bytes.fromhex("6f1d3a0c52f84b5e9a3e0d7c41b86e25")
"""Ours alone. Never changes: every id that was ever announced hangs on it."""

VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def fact_id(name: str) -> str:
    """Lower-case UUIDv5 text of `name` in our namespace."""
    h = sha1(NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    return f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{VARIANT[h[16]]}{h[17:20]}-{h[20:32]}"
