"""Random valid rulebooks of every kind, over the small worlds of `doings`.

Numbers are small, so that a few dozen activities cross caps, levels, windows and thresholds.
Whatever the loader refuses is not generated; test_rulebook_round_trip holds the two together.
"""

from collections.abc import Sequence
from typing import Final, assert_never

from hypothesis import strategies as st

from gamification.domain.activity import Kind
from gamification.domain.ids import BadgeId, RuleId
from gamification.domain.rulebook import (
    AllOf,
    Amount,
    AnyOf,
    AtLeast,
    BadgeRule,
    CoinType,
    Criterion,
    EarnRule,
    HasBadge,
    Levels,
    Metric,
    ProfileMetric,
    Reward,
    Rulebook,
    StreakRule,
)
from tests.property import tables
from tests.property.doings import ZONES, activities, arrivals, homes

__all__ = ["activities", "arrivals", "homes", "rulebooks"]

RULES_MAX: Final = 5
BADGES_MAX: Final = 6
TIERS: Final = ("bronze", "silver", "gold")
PRIZES: Final = (Amount(1, 1, "prize_coins"), Amount(9))
SPENDING: Final = (CoinType.BET, CoinType.WITHDRAWAL)
NOBODY: Final = HasBadge(BadgeId("whoever"))
"""A badge to be named later."""

_kinds = st.sampled_from(tables.EARNING)
_earning = st.sampled_from([*tables.EARNING, Kind.TOURNAMENT_RESULT])
_pays = st.sampled_from([(True, True), (True, False), (False, True)])
_metrics: st.SearchStrategy[Metric] = st.one_of(
    st.sampled_from(ProfileMetric),
    st.sampled_from(tables.PLAIN_METRICS),
    st.sampled_from(tables.EVENT_METRICS),
)
_wheres = {kind: st.just(()) | st.sampled_from(wheres) for kind, wheres in tables.WHERES.items()}
_amounts = {kind: st.sampled_from(amounts) for kind, amounts in tables.AMOUNTS.items()}
_fixed = st.sampled_from(tables.FIXED)
_caps = st.sampled_from(tables.CAPS)
_ever_caps = st.sampled_from(tables.EVER_CAPS)
_names = {kind: st.sampled_from(tables.names(kind)) for kind in tables.EARNING}
_shapes = {
    kind: st.sampled_from(
        ["prize", "capped", "prize", "once", "plain"]
        if kind is Kind.TOURNAMENT_RESULT
        else ["plain", "capped", "capped", "once"]
    )
    for kind in tables.EARNING
}
_coin_types = {
    False: st.sampled_from([CoinType.RULE_AWARD, CoinType.RULE_AWARD, CoinType.DEPOSIT]),
    True: st.sampled_from([CoinType.RULE_AWARD, CoinType.DEPOSIT, *SPENDING]),
}
_streaks = st.none() | st.builds(
    StreakRule, events=st.frozensets(_kinds, min_size=1), freezes=st.integers(0, 3)
)
_rule_counts = st.sampled_from([2, 0, 3, 1, 4, RULES_MAX])
_badge_counts = st.sampled_from([2, 0, 3, 1, 4, 5, BADGES_MAX])
_few = st.sampled_from([0, 0, 1, 2])
_one_in_four = st.sampled_from([False, False, False, True])


@st.composite
def _earn_rules(draw: st.DrawFn, number: int, *, spending: bool) -> EarnRule:
    """Of every shape: with caps, once for each value, prizes, other coin types."""
    kind = draw(_earning)
    shape = draw(_shapes[kind])
    amounts = _fixed if shape == "once" else _amounts[kind]
    caps = {"capped": _caps, "once": _ever_caps}.get(shape)
    pays_exp, pays_coins = draw(_pays)
    coins = draw(amounts) if pays_coins else None
    coins_as = CoinType.RULE_AWARD
    if shape == "prize":
        coins = draw(st.sampled_from(PRIZES))
        coins_as = CoinType.TOURNAMENT_PAYOUT
    elif coins is not None:
        coins_as = draw(_coin_types[spending])
    return EarnRule(
        id=RuleId(f"rule-{number}"),
        event=kind,
        where=draw(_wheres[kind]),
        once_per=draw(_names[kind]) if shape == "once" else None,
        exp=draw(amounts) if pays_exp else None,
        coins=coins,
        coins_as=coins_as,
        exp_cap=draw(caps) if pays_exp and caps is not None else None,
        coins_cap=draw(caps) if pays_coins and caps is not None else None,
    )


@st.composite
def _at_leasts(draw: st.DrawFn) -> AtLeast:
    metric = draw(_metrics)
    return AtLeast(metric, draw(st.integers(*tables.reachable(metric))))


def _criteria() -> st.SearchStrategy[Criterion]:
    """Nested as deep as is allowed, mostly less; badges are not named yet."""
    leaf: st.SearchStrategy[Criterion] = st.one_of(_at_leasts(), _at_leasts(), st.just(NOBODY))
    nested = leaf
    for _ in range(4):
        several = st.lists(nested, min_size=1, max_size=3).map(tuple)
        nested = st.one_of(leaf, leaf, st.builds(AllOf, several), st.builds(AnyOf, several))
    return nested


_whens = st.one_of(st.none(), _criteria(), _criteria())


def _naming(
    draw: st.DrawFn, criterion: Criterion | None, askable: Sequence[BadgeId]
) -> Criterion | None:
    """`criterion` with badges out of `askable`; something else where there are none."""
    match criterion:
        case None | AtLeast():
            return criterion
        case HasBadge():
            if not askable:
                return AtLeast(ProfileMetric.EXP, 5)
            return HasBadge(draw(st.sampled_from(askable)))
        case AllOf(criteria) | AnyOf(criteria):
            named = tuple(_naming(draw, part, askable) for part in criteria)
            return type(criterion)(tuple(part for part in named if part is not None))
        case _:
            assert_never(criterion)


@st.composite
def _tiers(draw: st.DrawFn, metric: Metric) -> dict[str, int]:
    steps = st.integers(*tables.reachable(metric))
    chosen = draw(st.lists(steps, min_size=1, max_size=3, unique=True))
    return dict(zip(TIERS, sorted(chosen), strict=False))


@st.composite
def _badges(draw: st.DrawFn, ids: Sequence[BadgeId]) -> list[BadgeRule]:
    """In an order in which each asks only for badges before it. No rewards yet."""
    badges: list[BadgeRule] = []
    askable: list[BadgeId] = []
    for badge in ids:
        metric = draw(_metrics) if draw(_one_in_four) else None
        tiers = {} if metric is None else draw(_tiers(metric))
        when = None if tiers else _naming(draw, draw(_whens), askable)
        badges.append(
            BadgeRule(
                id=badge,
                name=f"badge.{badge.replace('-', '.')}",
                icon="star",
                when=when,
                tier_metric=metric,
                tiers=tiers,
                reward=Reward(),
                locale_known=draw(_one_in_four),
            )
        )
        askable += [badge, *announced(badges[-1])]
    return badges


def announced(badge: BadgeRule) -> list[BadgeId]:
    """Ids under which it is given."""
    return [BadgeId(f"{badge.id}.{tier}") for tier in badge.tiers] or [badge.id]


def _reward(draw: st.DrawFn, givable: Sequence[BadgeId], *, exp: int) -> Reward:
    """At most two badges, coins, and EXP up to `exp`."""
    if draw(_one_in_four):
        return Reward()
    badges = [draw(st.sampled_from(givable)) for _ in range(draw(_few)) if givable]
    return Reward(
        exp=draw(st.sampled_from([0, exp // 4, exp])),
        coins=draw(st.sampled_from([0, 3, 15])),
        badges=tuple(dict.fromkeys(badges)),
    )


@st.composite
def rulebooks(draw: st.DrawFn, *, spending: bool = False) -> Rulebook:
    """Of every kind. `spending`: with bets and withdrawals, whose order of arrival matters."""
    ids = [BadgeId(f"badge-{n}") for n in range(draw(_badge_counts))]
    badges = draw(_badges(ids))
    givable = [badge_id for badge in badges for badge_id in announced(badge)]
    rewarded = []
    for badge in badges:
        others = [badge_id for badge_id in givable if badge_id not in announced(badge)]
        rewarded.append(
            BadgeRule(
                id=badge.id,
                name=badge.name,
                icon=badge.icon,
                when=badge.when,
                tier_metric=badge.tier_metric,
                tiers=badge.tiers,
                reward=_reward(draw, others, exp=30),
                locale_known=badge.locale_known,
            )
        )
    return Rulebook(
        timezone=draw(st.none() | st.sampled_from(ZONES)),
        levels=draw(_levels(givable)),
        earn=tuple(
            draw(_earn_rules(number, spending=spending)) for number in range(draw(_rule_counts))
        ),
        streak=draw(_streaks),
        badges=tuple(draw(st.permutations(rewarded))),
    )


@st.composite
def _levels(draw: st.DrawFn, givable: list[BadgeId]) -> Levels:
    thresholds = [0]
    for step in draw(st.lists(st.integers(1, 40), max_size=7)):
        thresholds.append(thresholds[-1] + step)
    rewards = {}
    for level in range(2, len(thresholds) + 1):
        if draw(_one_in_four):
            rewards[level] = _reward(draw, givable, exp=0)
    given = {level: reward for level, reward in rewards.items() if reward != Reward()}
    return Levels(thresholds=tuple(thresholds), rewards=given)
