"""One activity's turn: what it concerns, and the moves that it may make.

Every change of a balance goes through `Turn.pay`, so that an entry of the ledger, the balance and
the badges that wait for it can never part.
"""

from gamification.domain.activity import Activity
from gamification.domain.compile import CompiledRulebook, EntryType
from gamification.domain.days import UTC, local_day
from gamification.domain.effects import Effects, Entry
from gamification.domain.merchant import Merchant
from gamification.domain.player import Bucket, Player, Span, bucket_key


class Turn:
    """Made when the activity's player is locked; decided when what it needs has been read."""

    __slots__ = (
        "activity",
        "board_day",
        "candidates",
        "day",
        "effects",
        "merchant",
        "plan",
        "player",
        "rules",
        "zone",
    )

    def __init__(
        self,
        activity: Activity,
        player: Player,
        tenant: tuple[Merchant, CompiledRulebook],
        effects: Effects,
    ) -> None:
        self.activity = activity
        self.player = player
        self.merchant, self.rules = tenant
        self.effects = effects
        self.plan = self.rules.plans[activity.kind]
        self.candidates: set[int] = set()
        """Places in `rules.badges` of badges that may have become earned."""
        self.settle_down(self.home)

    @property
    def home(self) -> str:
        """Whose midnight counts: the customer's, the rulebook's, the merchant's, else UTC."""
        return self.player.timezone or self.rules.timezone or self.merchant.timezone or UTC

    def settle_down(self, zone: str) -> None:
        """Fix the days of the activity: `day` where the customer lives, `board_day` for boards."""
        self.zone = zone
        self.day = self.board_day = local_day(self.activity.occurred_ms, zone)
        board_zone = self.merchant.board_timezone
        if zone != board_zone:
            self.board_day = local_day(self.activity.occurred_ms, board_zone)

    def pay(self, exp: int, coins: int, entry_type: EntryType, rule_code: int) -> None:
        """Change the balances (signed amounts, not both 0) and append the entry that says so."""
        player = self.player
        if exp:
            self.watch("exp", player.exp, player.exp + exp)
            player.exp += exp
        if coins:
            player.coins += coins
            if entry_type <= EntryType.TOURNAMENT_PAYOUT:
                self.watch("coins_earned", player.coins_earned, player.coins_earned + coins)
                player.coins_earned += coins
        player.entries += 1
        player.dirty = True
        self.effects.entries.append(
            Entry(
                player,
                player.entries,
                exp,
                coins,
                player.exp,
                player.coins,
                entry_type,
                rule_code,
                self.activity.event_id,
            )
        )

    def watch(self, metric: str, before: int, after: int) -> None:
        """A metric of the profile rises: note the badges that waited for it."""
        watch = self.rules.watches.get(metric)
        if watch is not None and watch.thresholds[-1] > before:
            self.candidates.update(watch.passed(before, after))

    def count(self, code: int, before: int, after: int) -> None:
        """A counter of the profile rises: note the badges that waited for it."""
        self.player.counters[code] = after
        self.player.dirty = True
        watch = self.rules.counter_watches.get(code)
        if watch is not None and watch.thresholds[-1] > before:
            self.candidates.update(watch.passed(before, after))

    def bucket(self, day: int, span: Span) -> Bucket:
        """The customer's day, week or month, to be changed."""
        player = self.player
        key = bucket_key(day, span)
        found = player.buckets.get(key)
        if found is None:
            found = player.buckets[key] = Bucket()
        found.dirty = True
        if span:
            player.dirty = True  # the newest week and month are kept with the profile
        return found

    def add_to_board(self, day: int, exp: int) -> None:
        """Move the EXP that period boards show for a merchant's day."""
        self.bucket(day, Span.DAY).board_exp += exp
        self.player.board_days.add(day)
