"""Merchants and their customers: a few do most of what is done."""

from random import Random
from typing import Final, NamedTuple

from gamification.domain.ids import CustomerId, MerchantId, uuid_text

MERCHANT_ZONES: Final = ("Europe/Berlin", "America/Sao_Paulo", "Asia/Tokyo", None)
"""None: the merchant never set one."""
ZONES: Final = (
    "Europe/Berlin",
    "Europe/Lisbon",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "UTC",
)
LANGUAGES: Final = ("en", "es", "fr", "ar", "de", "pt-BR", "ja", "en-GB", "tlh")
"""The last one is spoken, but not by us."""
BUSY: Final = 20
"""The busiest customers, who are about equally busy: nobody does a tenth of everything."""


class Merchant(NamedTuple):
    id: MerchantId
    text: str
    timezone: str | None


class Customer(NamedTuple):
    merchant: Merchant
    id: CustomerId
    text: str
    timezone: str | None
    language: str
    has_settings: bool
    """Whether a `customer.updated` told about this customer before anything else."""


class Population:
    """Everybody in the stream, in order of how much they do."""

    def __init__(self, seed: int, merchants: int, customers: int, *, even: bool = False) -> None:
        random = Random(f"population {seed}")
        self.merchants = [_merchant(random, number) for number in range(merchants)]
        self.customers = [_customer(random, self.merchants) for _ in range(customers)]
        self._even = even

    def anyone(self, random: Random) -> Customer:
        """Somebody: the n-th customer's share falls like 1 / (n + BUSY), unless even."""
        size = len(self.customers)
        if self._even:
            return self.customers[int(random.random() * size)]
        place = BUSY * ((size + BUSY) / BUSY) ** random.random() - BUSY
        return self.customers[min(int(place), size - 1)]


def random_uuid(random: Random) -> bytes:
    """16 bytes that look like a UUIDv4."""
    bits = random.getrandbits(128)
    bits = bits & ~(0xF << 76) | 4 << 76
    return (bits & ~(0x3 << 62) | 2 << 62).to_bytes(16)


def _merchant(random: Random, number: int) -> Merchant:
    raw = random_uuid(random)
    return Merchant(MerchantId(raw), uuid_text(raw), MERCHANT_ZONES[number % len(MERCHANT_ZONES)])


def _customer(random: Random, merchants: list[Merchant]) -> Customer:
    raw = random_uuid(random)
    return Customer(
        merchant=random.choice(merchants),
        id=CustomerId(raw),
        text=uuid_text(raw),
        timezone=random.choice((None, *ZONES)),
        language=random.choice(LANGUAGES),
        has_settings=random.random() < 0.9,
    )
