"""The decision: what one activity earns.

Same player, activity and rulebook, same outcome. Every step is either a sum, a maximum, a set or
a monotone function of those, which is why the order of activities cannot matter: caps grant
`F(after) - F(before)` of a function F of raw sums; streaks are runs of a set of days; badges and
levels follow from totals until nothing more follows.
"""

from collections.abc import Collection

from gamification.domain.activity import Activity, Kind
from gamification.domain.compile import CompiledRulebook
from gamification.domain.days import local_day
from gamification.domain.earn import pay_rule
from gamification.domain.effects import Effects, StreakDay
from gamification.domain.merchant import Merchant
from gamification.domain.needs import player_zone
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
    """As `decide_into`, for one activity alone."""
    effects = Effects()
    decide_into(effects, activity, player, (merchant, rules, locales))
    return effects


def decide_into(
    effects: Effects,
    activity: Activity,
    player: Player,
    context: tuple[Merchant, CompiledRulebook, Collection[str]],
) -> None:
    """Change `player` by what `activity` is worth and add to `effects` what came about.

    `player` must hold every bucket, member and prize that `needs` names for the activity and
    that exists; absent ones count as empty. `context` is the merchant, its rulebook and the
    locales that we speak.
    """
    merchant, rules, locales = context
    turn = Turn(activity, player, rules, effects)
    if player.rulebook != rules.mark:
        _meet_rulebook(turn)
    if activity.kind is Kind.CUSTOMER_UPDATED:
        effects.warnings += apply_settings(activity, player, locales)
        turn.candidates.update(range(len(rules.badges)))

    plan = rules.plans[activity.kind]
    if plan.acts:
        zone = player_zone(player, merchant, rules)
        board_zone = merchant.board_timezone
        turn.day = turn.board_day = local_day(activity.occurred_ms, zone)
        if zone != board_zone:
            turn.board_day = local_day(activity.occurred_ms, board_zone)
        for rule in plan.rules:
            if rule.check is None or rule.check(activity.fields):
                pay_rule(turn, rule)
        for counter in plan.counters:
            count(turn, counter)
        if plan.streak and turn.day not in player.active:
            _extend_streak(turn)
    settle(turn)


def _meet_rulebook(turn: Turn) -> None:
    """The first activity under another rulebook: look at every badge once.

    A new customer has nothing that could have earned one.
    """
    if turn.player.rulebook:
        turn.candidates.update(range(len(turn.rules.badges)))
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
