"""Random rulebooks of every kind, and lives lived under them, for comparing engine and model."""

from hypothesis import strategies as st

from gamification.domain.activity import Activity, Kind
from gamification.domain.ids import BadgeId, CustomerId, EventId, RuleId
from gamification.domain.rulebook import (
    AllOf,
    Amount,
    AnyOf,
    AtLeast,
    BadgeRule,
    Cap,
    CoinType,
    Condition,
    Criterion,
    EarnRule,
    EventMetric,
    HasBadge,
    Levels,
    Operator,
    ProfileMetric,
    Reward,
    Rulebook,
    StreakRule,
    Tally,
    Window,
)
from tests.oracle.builders import ANNA, MERCHANT, at_ms

HOUR_MS = 3_600_000
START_MS = at_ms("2026-03-25")
"""Some days before clocks change in Berlin, and a month and a week before a month ends."""
SPAN_HOURS = 24 * 12
EARNING = (
    Kind.POINTS_EARNED,
    Kind.LESSON_COMPLETED,
    Kind.TOURNAMENT_RESULT,
    Kind.ACTIVITY_RECORDED,
)
ZONES = (None, "Europe/Berlin", "Asia/Tokyo", "America/Los_Angeles")
NUMBER_OF = {
    Kind.POINTS_EARNED: "points",
    Kind.LESSON_COMPLETED: "score",
    Kind.TOURNAMENT_RESULT: "duration_s",
    Kind.ACTIVITY_RECORDED: "amount",
}
WORD_OF = {
    Kind.LESSON_COMPLETED: ("lesson_id", ("a", "b", "c")),
    Kind.TOURNAMENT_RESULT: ("outcome", ("WIN", "LOSS", "DRAW")),
    Kind.ACTIVITY_RECORDED: ("attributes.channel", ("a", "b", "c")),
}
COMPARISONS = (Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE)
BADGES = tuple(BadgeId(name) for name in ("b0", "b1", "b2", "b3", "b4", "b5"))
RULES = tuple(RuleId(name) for name in ("r0", "r1", "r2", "r3"))

small = st.integers(0, 40)
maybe_small = st.none() | small
caps = st.builds(Cap, day=maybe_small, week=maybe_small, ever=st.none() | st.integers(0, 90))


@st.composite
def conditions(draw: st.DrawFn, kind: Kind) -> tuple[Condition, ...]:
    wanted: list[Condition] = []
    if draw(st.integers(0, 2)) == 0:
        comparison = draw(st.sampled_from(COMPARISONS))
        wanted.append(Condition(NUMBER_OF[kind], comparison, draw(small)))
    if kind in WORD_OF and draw(st.integers(0, 2)) == 0:
        name, words = WORD_OF[kind]
        operator = draw(st.sampled_from([Operator.EQ, Operator.NE, Operator.IN]))
        value = words[:2] if operator is Operator.IN else words[0]
        wanted.append(Condition(name, operator, value))
    return tuple(wanted)


def amounts(kind: Kind) -> st.SearchStrategy[Amount]:
    rate = st.builds(Amount, st.integers(1, 5), st.integers(1, 4), per=st.just(NUMBER_OF[kind]))
    return st.builds(Amount, st.integers(1, 30)) | rate


@st.composite
def earn_rules(draw: st.DrawFn, rule: RuleId) -> EarnRule:
    kind = draw(st.sampled_from(EARNING))
    where = draw(conditions(kind))
    shape = draw(st.sampled_from(["capped", "capped", "once", "prize", "deposit"]))
    if shape == "once" and kind in WORD_OF:
        return EarnRule(
            id=rule,
            event=kind,
            where=where,
            once_per=WORD_OF[kind][0],
            exp=draw(st.none() | st.builds(Amount, st.integers(1, 30))),
            coins=Amount(draw(st.integers(1, 9))),
            exp_cap=draw(st.none() | st.builds(Cap, ever=small)),
        )
    if shape == "prize" and kind is Kind.TOURNAMENT_RESULT:
        return EarnRule(
            id=rule,
            event=kind,
            where=where,
            exp=draw(st.none() | amounts(kind)),
            coins=Amount(1, per="prize_coins"),
            coins_as=CoinType.TOURNAMENT_PAYOUT,
        )
    return EarnRule(
        id=rule,
        event=kind,
        where=where,
        exp=draw(st.none() | amounts(kind)),
        coins=draw(amounts(kind)),
        coins_as=CoinType.DEPOSIT if shape == "deposit" else CoinType.RULE_AWARD,
        exp_cap=draw(st.none() | caps),
        coins_cap=draw(st.none() | caps),
    )


@st.composite
def event_metrics(draw: st.DrawFn) -> EventMetric:
    kind = draw(st.sampled_from(EARNING))
    tally = draw(st.sampled_from(Tally))
    field = {
        Tally.COUNT: None,
        Tally.SUM: NUMBER_OF[kind],
        Tally.DISTINCT: WORD_OF[kind][0] if kind in WORD_OF else NUMBER_OF[kind],
    }[tally]
    return EventMetric(
        tally=tally,
        event=kind,
        field=field,
        where=draw(conditions(kind)),
        within=draw(st.sampled_from(Window)),
    )


thresholds = st.integers(1, 150)
metrics = st.sampled_from(ProfileMetric) | event_metrics()


def reaches(metric: EventMetric) -> st.SearchStrategy[AtLeast]:
    """A sum may reach anything; of counts and distinct values a few are many."""
    few = thresholds if metric.tally is Tally.SUM else st.integers(1, 5)
    return few.map(lambda threshold: AtLeast(metric, threshold))


leaves = (
    st.builds(AtLeast, st.sampled_from(ProfileMetric), st.integers(1, 9) | thresholds)
    | event_metrics().flatmap(reaches)
    | event_metrics().flatmap(reaches)
    | st.builds(HasBadge, st.sampled_from(BADGES))
)
criteria: st.SearchStrategy[Criterion] = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        .map(tuple)
        .flatmap(lambda several: st.sampled_from([AllOf(several), AnyOf(several)]))
    ),
    max_leaves=4,
)


@st.composite
def badge_rules(draw: st.DrawFn, badge: BadgeId, givable: tuple[BadgeId, ...]) -> BadgeRule:
    reward = Reward(
        exp=draw(st.sampled_from([0, 0, 25])),
        coins=draw(st.sampled_from([0, 0, 7])),
        badges=draw(st.lists(st.sampled_from(givable), max_size=1).map(tuple)) if givable else (),
    )
    tiered = draw(st.integers(0, 3)) == 0
    low = draw(st.integers(1, 8) | thresholds)
    return BadgeRule(
        id=badge,
        name=f"badge.{badge}",
        icon="star",
        when=None if tiered else draw(st.none() | criteria),
        tier_metric=draw(metrics) if tiered else None,
        tiers={"bronze": low, "silver": 2 * low} if tiered else {},
        reward=reward,
        locale_known=draw(st.integers(0, 3)) == 0,
    )


@st.composite
def rulebooks(draw: st.DrawFn) -> Rulebook:
    """Badges give only whole badges that come before them; see the loader for what it refuses."""
    badges: list[BadgeRule] = []
    for badge in BADGES:
        whole = tuple(each.id for each in badges if not each.tiers)
        badges.append(draw(badge_rules(badge, whole)))
    whole = tuple(each.id for each in badges if not each.tiers)
    level_badge = draw(st.lists(st.sampled_from(whole), max_size=1).map(tuple)) if whole else ()
    return Rulebook(
        timezone=draw(st.sampled_from(ZONES)),
        levels=Levels(
            thresholds=(0, 20, 50, 90, 140, 200),
            rewards={2: Reward(coins=3), 3: Reward(badges=level_badge)},
        ),
        earn=tuple(draw(earn_rules(rule)) for rule in RULES),
        streak=draw(
            st.none()
            | st.builds(
                StreakRule,
                events=st.frozensets(st.sampled_from(EARNING), min_size=1),
                freezes=st.integers(0, 2),
            )
        ),
        badges=tuple(badges),
    )


@st.composite
def fields(draw: st.DrawFn, kind: Kind) -> dict[str, int | str]:
    """What is optional may be missing; a prize follows from its tournament and match."""
    every: dict[str, int | str | None] = {}
    match kind:
        case Kind.POINTS_EARNED:
            every = {"points": draw(st.integers(1, 40))}
        case Kind.LESSON_COMPLETED:
            every = {
                "lesson_id": draw(st.sampled_from("abcd")),
                "score": draw(st.none() | st.integers(0, 40)),
            }
        case Kind.TOURNAMENT_RESULT:
            cup = draw(st.integers(1, 3))
            match = draw(st.none() | st.integers(1, 2))
            every = {
                "tournament_id": f"t{cup}",
                "match_id": match and f"m{match}",
                "outcome": draw(st.sampled_from(["WIN", "LOSS"])),
                "prize_coins": draw(st.sampled_from([0, 10 * cup + (match or 0)])),
                "duration_s": draw(st.none() | small),
            }
        case Kind.ACTIVITY_RECORDED:
            every = {
                "activity_type": "login",
                "amount": draw(st.none() | st.integers(-20, 40)),
                "attributes.channel": draw(st.none() | st.sampled_from("abc")),
            }
        case Kind.CUSTOMER_UPDATED:
            every = {
                "language": draw(st.sampled_from(["de", "pt-BR", "tlh"])),
                "timezone": draw(st.sampled_from([None, "Mars/Olympus"])),
                "has_address": draw(st.integers(0, 1)),
            }
    return {name: value for name, value in every.items() if value is not None}


@st.composite
def lives(draw: st.DrawFn) -> list[Activity]:
    """What one customer did. A known timezone comes first, in time and in the list."""
    kinds = draw(st.lists(st.sampled_from(Kind), max_size=40))
    activities = [
        Activity(
            kind=kind,
            merchant_id=MERCHANT,
            customer_id=CustomerId(ANNA),
            event_id=EventId(number.to_bytes(16)),
            occurred_ms=START_MS + HOUR_MS * draw(st.integers(0, SPAN_HOURS)),
            fields=draw(fields(kind)),
            content_hash=number,
        )
        for number, kind in enumerate(kinds, start=1)
    ]
    zone = draw(st.sampled_from(ZONES))
    if zone is None:
        return activities
    home = Activity(
        kind=Kind.CUSTOMER_UPDATED,
        merchant_id=MERCHANT,
        customer_id=CustomerId(ANNA),
        event_id=EventId(bytes(16)),
        occurred_ms=START_MS - HOUR_MS,
        fields={"language": "tlh", "timezone": zone, "has_address": 1},
        content_hash=0,
    )
    return [home, *activities]
