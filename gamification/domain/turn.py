"""One activity's turn: what it concerns, and the moves that it may make.

Every change of a balance goes through `Turn.pay`, so that an entry of the ledger, the balance and
the badges that wait for it can never part.
"""

from dataclasses import dataclass, field

from gamification.domain.activity import Activity
from gamification.domain.compile import CompiledRulebook, EntryType
from gamification.domain.effects import Effects, Entry
from gamification.domain.player import Bucket, BucketKey, Player, Span


@dataclass(slots=True)
class Turn:
    activity: Activity
    player: Player
    rules: CompiledRulebook
    effects: Effects
    day: int = 0
    """Local day of the activity, where the customer lives."""
    board_day: int = 0
    """The merchant's day of the activity."""
    candidates: set[int] = field(default_factory=set)
    """Places in `rules.badges` of badges that may have become earned."""

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
        key = BucketKey(day, span)
        found = self.player.buckets.get(key)
        if found is None:
            found = self.player.buckets[key] = Bucket()
        found.dirty = True
        return found

    def add_to_board(self, day: int, exp: int) -> None:
        """Move the EXP that period boards show for a merchant's day."""
        self.bucket(day, Span.DAY).board_exp += exp
        self.player.board_days.add(day)
