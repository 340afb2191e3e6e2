"""Levels and badges that follow from totals, and what follows from those, to the end."""

from bisect import bisect_right
from typing import Final

from gamification.domain.compile import CompiledBadge, CompiledRulebook, EntryType
from gamification.domain.effects import BadgeAwarded, LevelReached
from gamification.domain.player import Player
from gamification.domain.rulebook import Reward
from gamification.domain.turn import Turn

NO_REWARD: Final = Reward()


def settle(turn: Turn) -> None:
    """Award until nothing more follows from the turn's candidates; uses them up.

    Ends: every round reaches a level above the high-water mark, awards a badge not yet held, or
    drops a candidate, and there are finitely many of all three.
    """
    reach_levels(turn)
    while turn.candidates:
        place = min(turn.candidates)  # the rulebook's order, so that records come in a stable one
        turn.candidates.discard(place)
        badge = turn.rules.badges[place]
        player = turn.player
        if badge.code not in player.badges and may_hold(badge, player) and badge.earned(player):
            give(turn, badge)


def may_hold(badge: CompiledBadge, player: Player) -> bool:
    return player.locale_ever or not badge.locale_known


def give(turn: Turn, badge: CompiledBadge) -> None:
    """Award `badge`, which the player may hold and does not hold yet."""
    turn.player.badges.add(badge.code)
    turn.player.dirty = True
    turn.effects.announcements.append(BadgeAwarded(turn.player, badge.id, turn.activity))
    turn.candidates.update(turn.rules.dependents.get(badge.code, ()))
    if badge.exp or badge.coins:
        turn.pay(badge.exp, badge.coins, EntryType.RULE_AWARD, badge.code)
        reach_levels(turn)


def level_of(rules: CompiledRulebook, exp: int) -> int:
    return bisect_right(rules.thresholds, exp)


def reach_levels(turn: Turn) -> None:
    """Level is always the level of the EXP; rewards follow the high-water mark."""
    player, rules = turn.player, turn.rules
    level = level_of(rules, player.exp)
    if level != player.level:
        player.level = level
        player.dirty = True
    while player.level_high < level:
        player.level_high += 1
        reached = player.level_high
        reward = rules.level_rewards.get(reached, NO_REWARD)
        turn.effects.announcements.append(LevelReached(player, reached, reward, turn.activity))
        turn.watch("level", reached - 1, reached)
        if reached in rules.level_coins:
            coins, code = rules.level_coins[reached]
            turn.pay(0, coins, EntryType.RULE_AWARD, code)
