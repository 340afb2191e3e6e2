"""Refused levels, streaks and time zones: the exact place, and what is allowed instead."""

import pytest

from tests.unit.rulebook.refusals import problems_in

REFUSED = {
    "levels that do not start with 0": (
        """\
rulebook: 1
levels: {thresholds: [10, 20]}
""",
        [
            "2:23: levels.thresholds[0]: level 1 is at 0 EXP: the list must start with 0; found 10",
        ],
    ),
    "levels that do not rise": (
        """\
rulebook: 1
levels: {thresholds: [0, 20, 20]}
""",
        [
            "2:30: levels.thresholds[2]: thresholds must rise; found 20 after 20",
        ],
    ),
    "a growth that shrinks": (
        """\
rulebook: 1
levels: {thresholds: [0, 20], beyond: {step: 10, growth: 1/2, max: 10}}
""",
        [
            (
                "2:58: levels.beyond.growth: must be 1 or more, otherwise the steps shrink to "
                "nothing; found 1/2"
            ),
        ],
    ),
    "a highest level that is listed already": (
        """\
rulebook: 1
levels: {thresholds: [0, 20, 30], beyond: {step: 10, max: 3}}
""",
        [
            "2:59: levels.beyond.max: must be above the 3 levels that are listed; found 3",
        ],
    ),
    "a list and a formula": (
        """\
rulebook: 1
levels: {thresholds: [0], formula: {base: 5, max: 10}}
""",
        [
            "2:9: levels: needs exactly one of thresholds or formula",
        ],
    ),
    "levels beyond all bounds": (
        """\
rulebook: 1
levels: {formula: {base: 1000, growth: 2, max: 100}}
""",
        [
            (
                "2:48: levels.formula.max: level 45 would take more than 9007199254740992 EXP: "
                "lower max or growth"
            ),
        ],
    ),
    "everything wrong about a formula": (
        """\
rulebook: 1
levels: {formula: {base: 1000, growth: 1.25, max: 1001}, beyond: {step: 5, max: 20}}
""",
        [
            "2:9: levels: beyond goes with thresholds only",
            (
                "2:40: levels.formula.growth: found '1.25': numbers with a point are not exact;"
                ' write a fraction like 3/2 (or quotes, "1.5", where a text is meant)'
            ),
            "2:51: levels.formula.max: must be a level from 2 to 1000; found 1001",
        ],
    ),
    "rewards without levels": (
        """\
rulebook: 1
levels: {rewards: {2: {coins: 5}}}
""",
        [
            "2:9: levels: needs exactly one of thresholds or formula",
        ],
    ),
    "rewards for levels that get none": (
        """\
rulebook: 1
levels:
  thresholds: [0, 10, 20]
  rewards:
    1: {coins: 5}
    two: {coins: 5}
    3: {exp: 5}
    4: {coins: 5}
""",
        [
            "5:5: levels.rewards.1: level 1 is where everyone starts: rewards begin with level 2",
            "6:5: levels.rewards.two: must be a level, a whole number from 2 on; found 'two'",
            "7:9: levels.rewards.3.exp: unknown word; allowed: coins, badges",
            "8:5: levels.rewards.4: there is no level 4: the highest is 3",
        ],
    ),
    "a streak of nothing": (
        """\
rulebook: 1
streak: {events: [], freezes: 366}
""",
        [
            (
                "2:18: streak.events: must be a list of 1 to 4 events, like [lesson.completed];"
                " found an empty list"
            ),
            "2:31: streak.freezes: must be a whole number of days from 0 to 365; found 366",
        ],
    ),
    "an event twice, a misspelt word": (
        """\
rulebook: 1
streak: {events: [points.earned, points.earned], freeze: 1}
""",
        [
            "2:34: streak.events[1]: points.earned is listed twice",
            "2:50: streak.freeze: unknown word (did you mean freezes?); allowed: events, freezes",
        ],
    ),
    "an unknown time zone": (
        """\
rulebook: 1
timezone: Europe/Berln
""",
        [
            (
                "2:11: timezone: 'Europe/Berln' is no known time zone; write it like "
                "Europe/Berlin or UTC"
            ),
        ],
    ),
    "a time zone that is a number": (
        """\
rulebook: 1
timezone: 2
""",
        [
            "2:11: timezone: must be the name of a time zone, like Europe/Berlin; found 2",
        ],
    ),
}


@pytest.mark.parametrize(("text", "problems"), REFUSED.values(), ids=REFUSED)
def test_is_refused(text: str, problems: list[str]) -> None:
    assert problems_in(text) == problems
