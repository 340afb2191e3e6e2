"""The decision: what one activity earns.

Same player, activity and rulebook, same outcome. Every step is either a sum, a maximum, a set or
a monotone function of those, which is why the order of activities cannot matter: caps grant
`F(after) - F(before)` of a function F of raw sums; streaks are runs of a set of days; badges and
levels follow from totals until nothing more follows.
"""

from collections.abc import Collection

from gamification.domain.activity import Activity, Kind
from gamification.domain.compile import CompiledRulebook
from gamification.domain.earn import pay_rule
from gamification.domain.effects import Effects, StreakDay
from gamification.domain.merchant import Merchant
from gamification.domain.player import Player
from gamification.domain.settings_change import apply_settings
from gamification.domain.settle import settle
from gamification.domain.streak import current, longest_through
from gamification.domain.tally import count
from gamification.domain.turn import Turn


def decide(
    activity: Activity,
    player: Player,
    merchant: Merchant,
    rules: CompiledRulebook,
    locales: Collection[str],
) -> Effects:
    """As `decide_turn`, for one activity alone."""
    effects = Effects()
    decide_turn(Turn(activity, player, (merchant, rules), effects), locales)
    return effects


def decide_turn(turn: Turn, locales: Collection[str]) -> None:
    """Change the turn's player by what its activity is worth; add to its effects what came of it.

    The player must hold every bucket, member and prize that `needs` names and that exists;
    absent ones count as empty. `locales` are those that we speak.
    """
    activity, player, plan = turn.activity, turn.player, turn.plan
    if player.rulebook != turn.rules.mark:
        meet_rulebook(turn)
    if activity.kind is Kind.CUSTOMER_UPDATED:
        turn.effects.warnings += apply_settings(activity, player, locales)
        turn.candidates.update(range(len(turn.rules.badges)))

    if plan.acts:
        if (zone := turn.home) != turn.zone:
            turn.settle_down(zone)  # the customer moved earlier in this batch
        fields = activity.fields
        for rule in plan.rules:
            if rule.check is None or rule.check(fields):
                pay_rule(turn, rule)
        for counter in plan.counters:
            count(turn, counter)
        if plan.streak and turn.day not in player.active:
            _extend_streak(turn)
    settle(turn)


def look_again(turn: Turn) -> None:
    """Award what the player's totals have earned, without anything having happened."""
    turn.player.rulebook = turn.rules.mark
    turn.player.dirty = True
    turn.candidates.update(range(len(turn.rules.badges)))
    settle(turn)


def meet_rulebook(turn: Turn) -> None:
    """The first activity under another rulebook: look at every badge once.

    A new customer has nothing yet that could have earned one, but for being at level 1.
    """
    if turn.player.rulebook:
        turn.candidates.update(range(len(turn.rules.badges)))
    else:
        turn.candidates.update(turn.rules.at_once)
    turn.player.rulebook = turn.rules.mark
    turn.player.dirty = True


def _extend_streak(turn: Turn) -> None:
    player, day = turn.player, turn.day
    freezes = turn.rules.streak.freezes if turn.rules.streak is not None else 0
    player.active = player.active.with_day(day)
    player.current_streak = current(player.active, freezes)
    longest = max(player.longest_streak, longest_through(player.active, day, freezes))
    if longest > player.longest_streak:
        turn.watch("streak", player.longest_streak, longest)
        player.longest_streak = longest
    player.dirty = True
    turn.effects.announcements.append(
        StreakDay(player, day, player.current_streak, longest, turn.activity)
    )
