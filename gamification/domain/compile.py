"""A rulebook, prepared for deciding: by kind of activity, with integers for names.

The integers are the codes under which storage keeps counters, rules and badges. They come from
the meaning (a rule's id, a metric's definition), never from a place in the file, so that a
rulebook can be edited without anybody's counters changing what they count.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from gamification.domain.activity import Kind
from gamification.domain.conditions import Check, Worth, check_of, worth_of
from gamification.domain.criteria import (
    Watch,
    holds,
    metric_name,
    metrics_of,
    parts,
    watches_of,
)
from gamification.domain.ids import BadgeId
from gamification.domain.player import Player, Span
from gamification.domain.rulebook import (
    BadgeRule,
    Cap,
    CoinType,
    EarnRule,
    EventMetric,
    Reward,
    Rulebook,
    StreakRule,
    Tally,
    Window,
)

Intern = Callable[[Iterable[str]], Mapping[str, int]]
"""Codes for names: the same name has the same code for ever, and no two share one. Positive."""


class EntryType(IntEnum):
    """Transaction types by the code that storage keeps."""

    RULE_AWARD = 1
    TOURNAMENT_PAYOUT = 2
    DEPOSIT = 3
    WITHDRAWAL = 4
    BET = 5
    ADMIN_AWARD = 8
    PAYOUT_REVERSAL = 9


ENTRY_TYPES: Mapping[CoinType, EntryType] = {
    CoinType.RULE_AWARD: EntryType.RULE_AWARD,
    CoinType.TOURNAMENT_PAYOUT: EntryType.TOURNAMENT_PAYOUT,
    CoinType.DEPOSIT: EntryType.DEPOSIT,
    CoinType.WITHDRAWAL: EntryType.WITHDRAWAL,
    CoinType.BET: EntryType.BET,
}


@dataclass(frozen=True, slots=True)
class CompiledCap:
    """`code_*` are counters: raw by day, capped by day summed by week, capped by week summed."""

    day: int | None
    week: int | None
    ever: int | None
    code_day: int
    code_week: int
    code_ever: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    code: int
    check: Check | None
    once_per: str | None
    once_code: int
    exp: Worth | None
    coins: Worth | None
    entry_type: EntryType
    exp_cap: CompiledCap | None
    coins_cap: CompiledCap | None
    board_code: int
    """Counter of a merchant's day's raw EXP; needed only with a cap by day."""


@dataclass(frozen=True, slots=True)
class CompiledCounter:
    """Something that badges count. `span` None: for ever, in the profile."""

    code: int
    tally: Tally
    field: str | None
    check: Check | None
    window: Window
    span: Span | None


SPANS: Final = {Window.DAY: Span.DAY, Window.WEEK: Span.WEEK, Window.MONTH: Span.MONTH}


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledBadge:
    """One badge that can be held: a whole one, or one tier."""

    code: int
    id: BadgeId
    earned: Callable[[Player], bool]
    locale_known: bool
    exp: int
    coins: int
    name_key: str
    """Translation key of its name."""


@dataclass(slots=True)
class Plan:
    """What one kind of activity touches."""

    rules: list[CompiledRule] = field(default_factory=list)
    counters: list[CompiledCounter] = field(default_factory=list)
    streak: bool = False
    day: bool = False
    week: bool = False
    month: bool = False
    board: bool = False
    members: bool = False
    prizes: bool = False

    @property
    def acts(self) -> bool:
        """Whether anything but settings can come of it."""
        return self.streak or bool(self.rules) or bool(self.counters)


@dataclass(slots=True, kw_only=True)
class CompiledRulebook:
    mark: int
    """Names this version of this merchant's rulebook; storage remembers it per customer."""
    timezone: str | None
    thresholds: tuple[int, ...]
    level_coins: Mapping[int, tuple[int, int]]
    """Level -> (coins, code of the ledger's rule)."""
    level_rewards: Mapping[int, Reward]
    plans: Mapping[Kind, Plan]
    streak: StreakRule | None
    badges: tuple[CompiledBadge, ...]
    by_id: Mapping[str, int]
    """Badge's id (with its tier) -> place in `badges`."""
    watches: Mapping[str, Watch]
    """Metric's name -> thresholds and the badges that wait for them."""
    counter_watches: Mapping[int, Watch]
    at_once: tuple[int, ...]
    """Places of the badges that wait for level 1: everybody is there from the start."""
    dependents: Mapping[int, tuple[int, ...]]
    """Badge's code -> places of the badges whose criteria name it."""


def held_badges(rulebook: Rulebook) -> dict[BadgeId, tuple[BadgeRule, str | None]]:
    """Every badge that can be held, with its rule and its tier."""
    held: dict[BadgeId, tuple[BadgeRule, str | None]] = {}
    for rule in rulebook.badges:
        if rule.tier_metric is None:
            held[rule.id] = (rule, None)
        for tier in rule.tiers:
            held[BadgeId(f"{rule.id}.{tier}")] = (rule, tier)
    return held


def compile_rulebook(rulebook: Rulebook, mark_name: str, intern: Intern) -> CompiledRulebook:
    """Prepare `rulebook`; `mark_name` tells this version from every other one."""
    metrics = _event_metrics(rulebook)
    held = held_badges(rulebook)
    codes = intern(_names(rulebook, metrics, held, mark_name))
    plans = {kind: Plan() for kind in Kind}
    for rule in rulebook.earn:
        _add_rule(plans[rule.event], rule, codes)
    for name, metric in metrics.items():
        _add_counter(plans[metric.event], metric, codes[name])
    if rulebook.streak is not None:
        for kind in rulebook.streak.events:
            plans[kind].streak = True

    effective = {badge: parts(badge, rule, tier, rulebook) for badge, (rule, tier) in held.items()}
    badges = tuple(
        CompiledBadge(
            code=codes[f"badge:{badge}"],
            id=badge,
            earned=holds(effective[badge], codes, held),
            locale_known=rule.locale_known,
            exp=rule.reward.exp,
            coins=rule.reward.coins,
            name_key=rule.name_key(tier),
        )
        for badge, (rule, tier) in held.items()
    )
    watches, dependents = watches_of(list(effective.values()), codes, held)
    return CompiledRulebook(
        mark=codes[mark_name],
        timezone=rulebook.timezone,
        thresholds=rulebook.levels.thresholds,
        level_coins={
            level: (reward.coins, codes[f"level:{level}"])
            for level, reward in rulebook.levels.rewards.items()
            if reward.coins
        },
        level_rewards=rulebook.levels.rewards,
        plans=plans,
        streak=rulebook.streak,
        badges=badges,
        by_id={badge.id: place for place, badge in enumerate(badges)},
        watches=watches,
        counter_watches={codes[name]: watches[name] for name in metrics if name in watches},
        at_once=tuple(watches["level"].passed(0, 1)) if "level" in watches else (),
        dependents=dependents,
    )


def _event_metrics(rulebook: Rulebook) -> dict[str, EventMetric]:
    found: dict[str, EventMetric] = {}
    for rule in rulebook.badges:
        for metric in _metrics_in(rule):
            found[metric_name(metric)] = metric
    return found


def _metrics_in(rule: BadgeRule) -> list[EventMetric]:
    wanted = list(metrics_of(rule.when)) if rule.when is not None else []
    if rule.tier_metric is not None:
        wanted.append(rule.tier_metric)
    return [metric for metric in wanted if isinstance(metric, EventMetric)]


def _names(
    rulebook: Rulebook,
    metrics: Iterable[str],
    held: Iterable[BadgeId],
    mark_name: str,
) -> list[str]:
    """Every name that needs a code, in a stable order."""
    names = [mark_name, *metrics, *(f"badge:{badge}" for badge in held)]
    names.extend(f"level:{level}" for level in rulebook.levels.rewards)
    for rule in rulebook.earn:
        names.append(f"rule:{rule.id}")
        names.extend(f"{part}:{rule.id}" for part in ("once", "board"))
        names.extend(
            f"cap:{rule.id}:{currency}:{window}"
            for currency in ("exp", "coins")
            for window in ("day", "week", "ever")
        )
    return names


def _add_rule(plan: Plan, rule: EarnRule, codes: Mapping[str, int]) -> None:
    exp_cap = _cap(rule, "exp", rule.exp_cap, codes)
    coins_cap = _cap(rule, "coins", rule.coins_cap, codes)
    plan.rules.append(
        CompiledRule(
            code=codes[f"rule:{rule.id}"],
            check=check_of(rule.where),
            once_per=rule.once_per,
            once_code=codes[f"once:{rule.id}"],
            exp=worth_of(rule.exp),
            coins=worth_of(rule.coins),
            entry_type=ENTRY_TYPES[rule.coins_as],
            exp_cap=exp_cap,
            coins_cap=coins_cap,
            board_code=codes[f"board:{rule.id}"],
        )
    )
    for cap in (exp_cap, coins_cap):
        plan.day |= cap is not None and cap.day is not None
        plan.week |= cap is not None and cap.week is not None
    plan.board |= rule.exp is not None
    plan.members |= rule.once_per is not None
    plan.prizes |= rule.coins_as is CoinType.TOURNAMENT_PAYOUT


def _cap(
    rule: EarnRule, currency: str, cap: Cap | None, codes: Mapping[str, int]
) -> CompiledCap | None:
    if cap is None or cap == Cap():
        return None
    name = f"cap:{rule.id}:{currency}"
    return CompiledCap(
        cap.day,
        cap.week,
        cap.ever,
        codes[f"{name}:day"],
        codes[f"{name}:week"],
        codes[f"{name}:ever"],
    )


def _add_counter(plan: Plan, metric: EventMetric, code: int) -> None:
    plan.counters.append(
        CompiledCounter(
            code,
            metric.tally,
            metric.field,
            check_of(metric.where),
            metric.within,
            SPANS.get(metric.within),
        )
    )
    plan.members |= metric.tally is Tally.DISTINCT
    plan.day |= metric.within is Window.DAY
    plan.week |= metric.within is Window.WEEK
    plan.month |= metric.within is Window.MONTH
