"""Names for identities, so that two of them cannot be swapped by mistake.

Merchants, customers and events are the 16 bytes of their UUID everywhere inside: half the
memory of text, and the form in which Postgres wants them. Text appears only on the wire.
"""

from typing import Final, NewType

MerchantId = NewType("MerchantId", bytes)
CustomerId = NewType("CustomerId", bytes)
EventId = NewType("EventId", bytes)
BadgeId = NewType("BadgeId", str)
"""As announced: `veteran`, or `collector.gold` for a tier."""
RuleId = NewType("RuleId", str)

DEFAULT_MERCHANT: Final = MerchantId(bytes(16))
"""Owner of what holds for every merchant without its own: the nil UUID."""


def uuid_text(raw: bytes) -> str:
    """The lower-case 8-4-4-4-12 form of 16 bytes."""
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
