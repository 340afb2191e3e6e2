"""Levels: the whole table of thresholds, worked out in integers."""

import re
from fractions import Fraction
from typing import Final

from gamification.domain.rulebook import Levels, Reward
from gamification.wire.rulebook.cursor import Cursor
from gamification.wire.rulebook.rewards import reward_of

EXP_MAX: Final = 2**53
"""Scores of leaderboards are doubles, exact up to here."""

_FRACTION: Final = re.compile(r"([1-9][0-9]{0,5})(?:/([1-9][0-9]{0,5}))?")
_LEVEL: Final = re.compile(r"[1-9][0-9]{0,3}")


def fraction_of(cursor: Cursor) -> Fraction:
    """`5/4` or a whole number, exactly; 1 when absent or misshapen."""
    match = _FRACTION.fullmatch(cursor.text or str(cursor.whole))
    return Fraction(int(match[1]), int(match[2] or 1)) if match else Fraction(1)


def levels_of(cursor: Cursor) -> Levels:
    """Levels as far as the rulebook goes."""
    thresholds = _listed_thresholds(cursor.at("thresholds"))
    if cursor.has("formula"):
        formula = cursor.at("formula")
        thresholds = _continued([0], formula.at("base"), formula)
    elif cursor.has("beyond") and thresholds:
        beyond = cursor.at("beyond")
        thresholds = _continued(thresholds, beyond.at("step"), beyond)
    rewards = _rewards_of(cursor.at("rewards"), len(thresholds))
    return Levels(thresholds=tuple(thresholds) or (0,), rewards=rewards)


def _listed_thresholds(cursor: Cursor) -> list[int]:
    thresholds: list[int] = []
    for item in cursor.items():
        if item.whole is None:
            return []
        if not thresholds and item.whole != 0:
            item.refuse(f"level 1 is at 0 EXP: the list must start with 0; found {item.whole}")
            return []
        if thresholds and item.whole <= thresholds[-1]:
            item.refuse(f"thresholds must rise; found {item.whole} after {thresholds[-1]}")
            return []
        thresholds.append(item.whole)
    return thresholds


def _continued(thresholds: list[int], first_step: Cursor, rest: Cursor) -> list[int]:
    """The table with what `beyond` or `formula` adds; [] when that cannot be worked out."""
    step, max_level = first_step.whole, rest.at("max").whole
    growth = fraction_of(rest.at("growth"))
    if growth < 1:
        rest.at("growth").refuse(
            "must be 1 or more, otherwise the steps shrink to nothing; found {growth}".format(
                growth=rest.at("growth").value
            )
        )
        return []
    if step is None or step < 1 or max_level is None:
        return []
    if max_level <= len(thresholds):
        rest.at("max").refuse(
            f"must be above the {len(thresholds)} levels that are listed; found {max_level}"
        )
        return []
    table = list(thresholds)
    while len(table) < max_level:
        table.append(table[-1] + step)
        if table[-1] > EXP_MAX:
            rest.at("max").refuse(
                f"level {len(table)} would take more than {EXP_MAX} EXP: lower max or growth"
            )
            return []
        step = step * growth.numerator // growth.denominator
    return table


def _rewards_of(cursor: Cursor, levels: int) -> dict[int, Reward]:
    """`levels` is 0 when the table is unknown because of another mistake."""
    rewards: dict[int, Reward] = {}
    for word, given in cursor.entries():
        if not _LEVEL.fullmatch(word):
            given.refuse_key(f"must be a level, a whole number from 2 on; found '{word[:40]}'")
        elif word == "1":
            given.refuse_key("level 1 is where everyone starts: rewards begin with level 2")
        elif levels and int(word) > levels:
            given.refuse_key(f"there is no level {word}: the highest is {levels}")
        else:
            rewards[int(word)] = reward_of(given)
    return rewards
