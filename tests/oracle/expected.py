"""What the model says about one customer, and what it has to be told about a merchant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, TypeAlias

from gamification.domain.ids import BadgeId, CustomerId, MerchantId, RuleId

Person: TypeAlias = tuple[MerchantId, CustomerId]
"""A customer is unique only within a merchant."""


@dataclass(frozen=True, slots=True)
class MerchantSettings:
    """The merchant's own row, as far as awards depend on it."""

    timezone: str | None = None
    default_locale: str = "en"


@dataclass(frozen=True, slots=True)
class Amounts:
    """What one earn rule paid one customer in all, after its caps. `coins` may be a deposit."""

    exp: int = 0
    coins: int = 0


class Correction(NamedTuple):
    """An entry that an operator made. Amounts are signed.

    The model counts what was given whenever it was, and what was taken as taken after all else.
    """

    key: str
    """As the ledger keeps it."""
    exp: int
    coins: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedProfile:
    """Everything about one customer that must not depend on how the activities arrived."""

    exp: int
    coins: int
    coins_earned: int
    level: int
    level_high: int
    current_streak: int
    longest_streak: int
    active_days: frozenset[date]
    badges: frozenset[BadgeId]
    locale: str | None = None
    timezone: str | None = None
    notify: bool = False
    locale_ever: bool = False
    board: Mapping[date, int] = field(default_factory=dict)
    """EXP by day in the merchant's timezone; days that show nothing are left out."""
    rules: Mapping[RuleId, Amounts] = field(default_factory=dict)
    """By earn rule; rules that paid nothing are left out."""
    completed: Mapping[RuleId, frozenset[str]] = field(default_factory=dict)
    """Values that a `once_per` rule remembers, as text."""
    prizes: frozenset[tuple[RuleId, str, str]] = frozenset()
    """Rule, tournament, match ("" for none): keys of prizes that were paid."""
    refused: Mapping[RuleId, int] = field(default_factory=dict)
    """How many prizes each rule refused because their key had been paid."""

    @property
    def levels_announced(self) -> range:
        """Every level reached, each once; level 1 is where everybody starts."""
        return range(2, self.level_high + 1)
