"""What must be known of a customer, besides the profile, before an activity can be decided."""

from collections.abc import Iterator

from gamification.domain.activity import Activity, Kind
from gamification.domain.compile import CompiledRulebook, EntryType
from gamification.domain.days import UTC, first_of_month, local_day, monday
from gamification.domain.merchant import Merchant
from gamification.domain.player import BucketKey, MemberKey, Player, PrizeKey, Span
from gamification.domain.rulebook import Tally, Window


def player_zone(player: Player, merchant: Merchant, rules: CompiledRulebook) -> str:
    """Whose midnight counts: the customer's, else the rulebook's, else the merchant's, else UTC."""
    return player.timezone or rules.timezone or merchant.timezone or UTC


def buckets_for(
    activity: Activity, zone: str, merchant: Merchant, rules: CompiledRulebook
) -> Iterator[BucketKey]:
    """Days, weeks and months that `activity` may touch, for a customer who lives in `zone`."""
    plan = rules.plans[activity.kind]
    if plan.board:
        yield BucketKey(local_day(activity.occurred_ms, merchant.board_timezone), Span.DAY)
    if plan.day or plan.week or plan.month:
        day = local_day(activity.occurred_ms, zone)
        if plan.day:
            yield BucketKey(day, Span.DAY)
        if plan.week:
            yield BucketKey(monday(day), Span.WEEK)
        if plan.month:
            yield BucketKey(first_of_month(day), Span.MONTH)


def members_for(activity: Activity, zone: str, rules: CompiledRulebook) -> Iterator[MemberKey]:
    """Completions and distinct values that `activity` may add."""
    plan = rules.plans[activity.kind]
    for rule in plan.rules:
        if rule.once_per is not None and (value := activity.fields.get(rule.once_per)) is not None:
            yield MemberKey(rule.once_code, 0, str(value))
    for counter in plan.counters:
        if counter.tally is Tally.DISTINCT and counter.field is not None:
            value = activity.fields.get(counter.field)
            if value is not None:
                day = local_day(activity.occurred_ms, zone)
                yield MemberKey(counter.code, window_start(counter.window, day), str(value))


def prizes_for(activity: Activity, rules: CompiledRulebook) -> Iterator[PrizeKey]:
    """Keys under which `activity` may pay a prize."""
    if activity.kind is Kind.TOURNAMENT_RESULT:
        for rule in rules.plans[activity.kind].rules:
            if rule.entry_type is EntryType.TOURNAMENT_PAYOUT:
                yield prize_key(rule.code, activity)


def prize_key(rule_code: int, activity: Activity) -> PrizeKey:
    fields = activity.fields
    return PrizeKey(rule_code, str(fields["tournament_id"]), str(fields.get("match_id", "")))


def window_start(window: Window, day: int) -> int:
    """First day of the window that holds `day`; 0 for ever."""
    match window:
        case Window.EVER:
            return 0
        case Window.DAY:
            return day
        case Window.WEEK:
            return monday(day)
        case Window.MONTH:
            return first_of_month(day)


SPANS = {Window.DAY: Span.DAY, Window.WEEK: Span.WEEK, Window.MONTH: Span.MONTH}
