"""A merchant's rules as they were written: the checked form of a rulebook file.

Only values here. `wire.rulebook` makes them from YAML, `domain.compile` prepares them for
deciding. Closed kinds and operators: a rulebook holds no scripts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from gamification.domain.activity import Kind
from gamification.domain.ids import BadgeId, RuleId

Scalar: TypeAlias = int | str


class Operator(StrEnum):
    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"


class Window(StrEnum):
    """Calendar windows in the customer's local time; weeks start on Monday."""

    EVER = "ever"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class CoinType(StrEnum):
    """What a rule's coins are in the ledger (`as:` in a rulebook)."""

    RULE_AWARD = "rule_award"
    TOURNAMENT_PAYOUT = "tournament_payout"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    BET = "bet"


@dataclass(frozen=True, slots=True)
class Condition:
    """`field operator value`. Does not hold when the field is missing, whatever the operator."""

    field: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...]
    """A tuple for IN only."""


@dataclass(frozen=True, slots=True)
class Amount:
    """`floor(field * numerator / denominator)`, or `numerator` itself when `per` is None."""

    numerator: int
    denominator: int = 1
    per: str | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that a rule pays one customer, per local day / calendar week / ever."""

    day: int | None = None
    week: int | None = None
    ever: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnRule:
    id: RuleId
    event: Kind
    where: tuple[Condition, ...] = ()
    once_per: str | None = None
    exp: Amount | None = None
    coins: Amount | None = None
    coins_as: CoinType = CoinType.RULE_AWARD
    exp_cap: Cap | None = None
    coins_cap: Cap | None = None


class ProfileMetric(StrEnum):
    EXP = "exp"
    COINS_EARNED = "coins_earned"
    LEVEL = "level"
    STREAK = "streak"
    """The longest one."""


class Tally(StrEnum):
    COUNT = "count"
    SUM = "sum"
    DISTINCT = "distinct"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMetric:
    """Something counted over one customer's activities of one kind."""

    tally: Tally
    event: Kind
    field: str | None = None
    """What is summed or told apart; None for COUNT."""
    where: tuple[Condition, ...] = ()
    within: Window = Window.EVER


Metric: TypeAlias = ProfileMetric | EventMetric


@dataclass(frozen=True, slots=True)
class AtLeast:
    """`metric >= threshold`; `more_than: n` is `at_least: n + 1`."""

    metric: Metric
    threshold: int


@dataclass(frozen=True, slots=True)
class HasBadge:
    """Held: this badge, or any tier of it."""

    badge: BadgeId


@dataclass(frozen=True, slots=True)
class AllOf:
    criteria: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    criteria: tuple["Criterion", ...]


Criterion: TypeAlias = AtLeast | HasBadge | AllOf | AnyOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    exp: int = 0
    coins: int = 0
    badges: tuple[BadgeId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgeRule:
    """One badge, or one for each tier (`<id>.<tier>`), each with the whole reward."""

    id: BadgeId
    name: str
    """Translation key."""
    icon: str
    when: Criterion | None = None
    """None: given by a level, a call or another badge only. None too when `tiers` is set."""
    tier_metric: Metric | None = None
    tiers: Mapping[str, int] = field(default_factory=dict)
    """Tier's name -> threshold for `tier_metric`, rising."""
    reward: Reward = Reward()
    locale_known: bool = False
    """`eligible: {locale: known}`: held back until the customer ever had a supported locale."""

    def name_key(self, tier: str | None) -> str:
        """Translation key of what is shown for the badge, or for one of its tiers.

        A tier's is `<name>.<tier>`, hyphens as dots: whole names, because "gold" before or
        behind a noun is another word in every language.
        """
        return self.name if tier is None else f"{self.name}.{tier.replace('-', '.')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    thresholds: tuple[int, ...]
    """EXP that reaches level 1, 2, 3, ... as far as the rulebook goes; starts with 0, rises."""
    rewards: Mapping[int, Reward] = field(default_factory=dict)
    """By level, from 2 on. Coins and badges only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreakRule:
    events: frozenset[Kind]
    freezes: int = 0
    """Missing days that one run may hold in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    timezone: str | None = None
    levels: Levels = Levels(thresholds=(0,))
    earn: tuple[EarnRule, ...] = ()
    streak: StreakRule | None = None
    badges: tuple[BadgeRule, ...] = ()
