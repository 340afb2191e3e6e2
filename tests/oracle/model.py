"""The pure model: what a set of activities is worth, written without any notion of arrival.

It shares no code with the engine. Where the engine moves from a state to the next one event
at a time, this looks at the whole set of distinct valid activities and states the outcome:
sums, sets, maxima and one fixpoint. So whatever order, batches and duplicates the engine saw,
its tables must say what this says. Spending (`withdrawal`, `bet`) is refused, because there
order is the meaning.

Customers' timezones are taken as known before anything else happened, since a day is judged
by the timezone known at the time.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from gamification.domain.activity import Activity, Kind
from gamification.domain.ids import DEFAULT_MERCHANT, BadgeId, EventId, MerchantId, RuleId
from gamification.domain.rulebook import CoinType, EarnRule, EventMetric, Rulebook
from tests.oracle import earnings
from tests.oracle.awards import Facts, level_of, prospects_of, settle
from tests.oracle.boards import board_days
from tests.oracle.calendar import day_of, zone
from tests.oracle.expected import Amounts, Correction, ExpectedProfile, MerchantSettings, Person
from tests.oracle.metrics import ByKind, active_days, by_kind, metric_value, streaks
from tests.oracle.settings import known_settings

NOTHING: Final = Amounts()

Granted: TypeAlias = Mapping[Person, Collection[BadgeId]]
Corrections: TypeAlias = Mapping[Person, Collection[Correction]]


def expected(
    activities: Iterable[Activity],
    rulebooks: Rulebook | Mapping[MerchantId, Rulebook],
    merchants: Mapping[MerchantId, MerchantSettings] | None = None,
    granted: Granted | None = None,
    corrections: Corrections | None = None,
) -> dict[Person, ExpectedProfile]:
    """Each customer's final state.

    `activities` are distinct: two with one id at one merchant are an error of the caller.
    `rulebooks` is one for all, or by merchant with `DEFAULT_MERCHANT` for the rest; a merchant
    that `merchants` does not name has the settings of a merchant that was just made. `granted` are
    badges that somebody gave, by a call that was not refused; `corrections` are operators'.
    """
    given, corrected = granted or {}, corrections or {}
    people: dict[Person, list[Activity]] = defaultdict(list)
    seen: set[tuple[MerchantId, EventId]] = set()
    for activity in activities:
        identity = (activity.merchant_id, activity.event_id)
        if identity in seen:
            raise ValueError(f"the model wants distinct activities: {activity.event_id.hex()}")
        seen.add(identity)
        people[activity.merchant_id, activity.customer_id].append(activity)
    for person in (*given, *corrected):
        people.setdefault(person, [])
    judges = {
        merchant: _Judge(
            _rulebook(rulebooks, merchant), (merchants or {}).get(merchant, MerchantSettings())
        )
        for merchant in {person[0] for person in people}
    }
    return {
        person: judges[person[0]].profile(
            own, frozenset(given.get(person, ())), corrected.get(person, ())
        )
        for person, own in people.items()
    }


def _rulebook(
    rulebooks: Rulebook | Mapping[MerchantId, Rulebook], merchant: MerchantId
) -> Rulebook:
    if isinstance(rulebooks, Rulebook):
        return rulebooks
    return rulebooks[merchant] if merchant in rulebooks else rulebooks[DEFAULT_MERCHANT]


class _Judge:
    """One merchant's rules and settings."""

    def __init__(self, rulebook: Rulebook, merchant: MerchantSettings) -> None:
        self._rules = rulebook
        self._prospects = prospects_of(rulebook)
        self._merchant = merchant

    def profile(
        self,
        own: Sequence[Activity],
        granted: frozenset[BadgeId] = frozenset(),
        corrections: Collection[Correction] = (),
    ) -> ExpectedProfile:
        """What one customer's activities come to. Changes of settings earn nothing."""
        rules = self._rules
        known = known_settings([one for one in own if one.kind is Kind.CUSTOMER_UPDATED])
        local = zone(known.timezone or rules.timezone or self._merchant.timezone)
        dated = by_kind((one, day_of(one.occurred_ms, local)) for one in own)
        earned = {rule.id: _Earned(rule, dated) for rule in rules.earn}
        active = active_days(rules.streak, dated)
        current, longest = streaks(active, rules.streak.freezes if rules.streak else 0)
        facts = Facts(
            exp=sum(each.amounts.exp for each in earned.values())
            + sum(max(0, each.exp) for each in corrections),
            coins_earned=sum(each.coins_earned for each in earned.values()),
            longest_streak=longest,
            locale_ever=known.locale_ever,
            counted=_counter(dated),
            granted=granted,
        )
        standing = settle(rules, self._prospects, facts)
        not_earned = sum(each.amounts.coins - each.coins_earned for each in earned.values())
        exp = standing.exp + sum(min(0, each.exp) for each in corrections)
        return ExpectedProfile(
            exp=exp,
            coins=standing.coins_earned + not_earned + sum(each.coins for each in corrections),
            coins_earned=standing.coins_earned,
            level=level_of(rules.levels, exp),
            level_high=standing.level,
            current_streak=current,
            longest_streak=longest,
            active_days=active,
            badges=standing.badges,
            locale=known.locale,
            timezone=known.timezone,
            notify=known.notify,
            locale_ever=known.locale_ever,
            board=board_days(rules.earn, own, zone(self._merchant.timezone)),
            rules={rule: each.amounts for rule, each in earned.items() if each.amounts != NOTHING},
            completed={rule: each.completed for rule, each in earned.items() if each.completed},
            prizes=frozenset(key for each in earned.values() for key in each.prizes),
            refused={rule: each.refused for rule, each in earned.items() if each.refused},
        )


def _counter(dated: ByKind) -> Callable[[EventMetric], int]:
    """Counts each metric once: several badges may ask for it, several times."""
    counted: dict[int, int] = {}

    def count(metric: EventMetric) -> int:
        if id(metric) not in counted:  # a metric's own hash takes longer than counting does
            counted[id(metric)] = metric_value(metric, dated)
        return counted[id(metric)]

    return count


class _Earned:
    """One rule's outcome for one customer."""

    def __init__(self, rule: EarnRule, dated: ByKind) -> None:
        if rule.coins is not None and rule.coins_as in earnings.SPENDING:
            raise ValueError(f"rule {rule.id} spends coins: order is its meaning, no model has it")
        self.amounts, self.coins_earned = NOTHING, 0
        self.completed: frozenset[str] = frozenset()
        self.prizes: frozenset[tuple[RuleId, str, str]] = frozenset()
        self.refused = 0
        matches = earnings.matching(rule, dated)
        if not matches:
            return
        values = earnings.completed_values(rule, matches)
        self.completed = frozenset(values)
        if rule.once_per is not None:
            exp = earnings.once_total(rule.exp, len(values), rule.exp_cap)
            coins = earnings.once_total(rule.coins, len(values), rule.coins_cap)
        else:
            exp = earnings.capped_total(earnings.sums_by_day(rule.exp, matches), rule.exp_cap)
            coins = earnings.capped_total(earnings.sums_by_day(rule.coins, matches), rule.coins_cap)
        if rule.coins_as is CoinType.TOURNAMENT_PAYOUT and rule.coins is not None:
            paid = earnings.prizes(rule, matches)
            coins = sum(offers[0] for offers in paid.values())
            self.prizes = frozenset((rule.id, *key) for key in paid)
            self.refused = sum(len(offers) - 1 for offers in paid.values())
        self.amounts = Amounts(exp, coins)
        self.coins_earned = coins if rule.coins_as in earnings.EARNED else 0
