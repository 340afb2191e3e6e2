"""What must be known of customers, besides their profiles, before a batch can be decided."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gamification.domain.activity import Activity, Kind
from gamification.domain.compile import EntryType, Plan
from gamification.domain.days import first_of_month, is_zone, local_day, monday
from gamification.domain.player import (
    Bucket,
    BucketKey,
    MemberKey,
    Player,
    PrizeKey,
    Span,
    bucket_key,
)
from gamification.domain.rulebook import Tally, Window
from gamification.domain.turn import Turn


@dataclass(slots=True)
class Needs:
    """What to read, each once. Buckets are in their players already, empty until read."""

    buckets: list[tuple[Player, BucketKey]] = field(default_factory=list)
    members: dict[tuple[int, MemberKey], Player] = field(default_factory=dict)
    """By identity of the player, and the member."""
    prizes: dict[tuple[int, PrizeKey], Player] = field(default_factory=dict)

    def want_bucket(self, player: Player, key: BucketKey) -> None:
        if key not in player.buckets:
            player.buckets[key] = Bucket()
            self.buckets.append((player, key))


def needs_of(turns: Sequence[Turn]) -> Needs:
    """Everything that deciding `turns` may look at."""
    needs = Needs()
    for turn in turns:
        plan = turn.plan
        if plan.acts:
            _want_buckets(needs, turn, turn.day)
            if plan.members:
                _want_members(needs, turn, turn.day)
            if plan.prizes:
                _want_prizes(needs, turn)
    _want_for_moves(needs, turns)
    return needs


def _want_buckets(needs: Needs, turn: Turn, day: int) -> None:
    plan, player = turn.plan, turn.player
    if plan.board:
        needs.want_bucket(player, bucket_key(turn.board_day, Span.DAY))
    if plan.day:
        needs.want_bucket(player, bucket_key(day, Span.DAY))
    # A week or month after the newest one that was ever touched has nothing to read.
    if plan.week and (week := monday(day)) <= player.newest_week:
        needs.want_bucket(player, bucket_key(week, Span.WEEK))
    if plan.month and (month := first_of_month(day)) <= player.newest_month:
        needs.want_bucket(player, bucket_key(month, Span.MONTH))


def _want_members(needs: Needs, turn: Turn, day: int) -> None:
    for key in _members(turn.plan, turn.activity, day):
        needs.members[id(turn.player), key] = turn.player


def _members(plan: Plan, activity: Activity, day: int) -> Iterator[MemberKey]:
    """Completions and distinct values that `activity` may add."""
    for rule in plan.rules:
        if rule.once_per is not None and (value := activity.fields.get(rule.once_per)) is not None:
            yield MemberKey(rule.once_code, 0, str(value))
    for counter in plan.counters:
        if counter.tally is Tally.DISTINCT and counter.field is not None:
            value = activity.fields.get(counter.field)
            if value is not None:
                yield MemberKey(counter.code, window_start(counter.window, day), str(value))


def _want_prizes(needs: Needs, turn: Turn) -> None:
    for rule in turn.plan.rules:
        if rule.entry_type is EntryType.TOURNAMENT_PAYOUT:
            needs.prizes[id(turn.player), prize_key(rule.code, turn.activity)] = turn.player


def _want_for_moves(needs: Needs, turns: Iterable[Turn]) -> None:
    """A batch may hold a customer's move: then the days after it are those of another zone."""
    zones: dict[int, set[str]] = {}
    for turn in turns:
        if turn.activity.kind is Kind.CUSTOMER_UPDATED:
            zone = turn.activity.fields.get("timezone")
            if zone is not None and is_zone(str(zone)):
                zones.setdefault(id(turn.player), set()).add(str(zone))
    if not zones:
        return
    for turn in turns:
        for zone in zones.get(id(turn.player), ()):
            day = local_day(turn.activity.occurred_ms, zone)
            _want_buckets(needs, turn, day)
            _want_members(needs, turn, day)


def want_old_board_days(needs: Needs) -> None:
    """After members were read: an earlier completion takes its EXP from the day shown so far."""
    for (_, key), player in needs.members.items():
        known = player.members.get(key)
        if known is not None and known.exp:
            needs.want_bucket(player, bucket_key(known.board_day, Span.DAY))


def prize_key(rule_code: int, activity: Activity) -> PrizeKey:
    fields = activity.fields
    return PrizeKey(rule_code, str(fields["tournament_id"]), str(fields.get("match_id", "")))


def window_start(window: Window, day: int) -> int:
    """First day of the window that holds `day`; 0 for ever."""
    if window is Window.WEEK:
        return monday(day)
    if window is Window.MONTH:
        return first_of_month(day)
    return day if window is Window.DAY else 0
