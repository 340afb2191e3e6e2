"""What the loader refuses in criteria and tiers: the exact place, and what is allowed instead."""

import pytest

from tests.unit.rulebook.refusals import problems_in

REFUSED = {
    "no number to reach": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {count: lesson.completed}}
""",
        [
            "3:43: badges[0].when: needs at_least or more_than",
        ],
    ),
    "two numbers to reach": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {count: lesson.completed, at_least: 3, more_than: 2}}
  - {id: b, name: badge.a, icon: x, when: {exp: {at_least: 3, more_than: 2}}}
""",
        [
            "3:93: badges[0].when.more_than: goes instead of at_least, not beside it",
            (
                "4:49: badges[1].when.exp: must be {at_least: ...} or {more_than: ...}; found a"
                " mapping"
            ),
        ],
    ),
    "a bare word without tiers": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: streak}
  - {id: b, name: badge.a, icon: x, when: steak}
""",
        [
            "3:43: badges[0].when: needs a number: write {streak: {at_least: 10}}",
            (
                "4:43: badges[1].when: must be a criterion like {count: lesson.completed, "
                "at_least: 1}, or with `tiers` one of exp, coins_earned, level, streak; found "
                "'steak'"
            ),
        ],
    ),
    "a number beside tiers": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, tiers: {bronze: 5},
     when: {count: lesson.completed, at_least: 3}}
""",
        [
            "4:38: badges[0].when.at_least: the tiers hold the thresholds: remove it",
        ],
    ),
    "a comparison beside tiers": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {streak: {at_least: 3}}, tiers: {bronze: 5}}
""",
        [
            (
                "3:44: badges[0].when.streak: with tiers, `when` names only what is measured: "
                "count, sum, distinct, or one of the words exp, coins_earned, level, streak; "
                "write `when: streak`"
            ),
        ],
    ),
    "tiers of nothing, not rising, misnamed": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, tiers: {bronze: 5, silver: 5, Gold!: 7}}
""",
        [
            "3:5: badges[0]: tiers need a `when` that says what is measured",
            "3:64: badges[0].tiers.silver: tiers must rise; found 5 after bronze: 5",
            (
                "3:67: badges[0].tiers['Gold!']: must be a tier's name: lower-case words joined"
                " by hyphens, at most 32 characters; found 'Gold!'"
            ),
        ],
    ),
    "tiers of several things": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {all: [{exp: {at_least: 3}}]}, tiers: {bronze: 5}}
""",
        [
            (
                "3:44: badges[0].when.all: with tiers, `when` names only what is measured: "
                "count, sum, distinct, or one of the words exp, coins_earned, level, streak"
            ),
        ],
    ),
    "a window on EXP": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {exp: {at_least: 3}, within: week}}
""",
        [
            "3:72: badges[0].when.within: goes with count, sum or distinct only",
        ],
    ),
    "an unknown window": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {count: points.earned, within: year, at_least: 3}}
""",
        [
            "3:74: badges[0].when.within: must be one of day, week, month; found 'year'",
        ],
    ),
    "a comparison that can stop to hold": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {exp: {"<": 3}}}
""",
        [
            "3:50: badges[0].when.exp['<']: unknown word; allowed: at_least, more_than",
        ],
    ),
    "two metrics in one": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x,
     when: {count: points.earned, sum: points.earned.points, at_least: 3}}
""",
        [
            (
                "4:12: badges[0].when: needs exactly one of count, sum, distinct, exp, "
                "coins_earned, level, streak, badge, all or any"
            ),
        ],
    ),
    "a sum of texts": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {sum: lesson.completed.course_id, at_least: 3}}
""",
        [
            (
                "3:49: badges[0].when.sum: course_id holds a text, no number; number fields of "
                "lesson.completed: score"
            ),
        ],
    ),
    "a sum of no field, of no event": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {sum: lesson.completed, at_least: 3}}
  - {id: b, name: badge.a, icon: x, when: {sum: lessons.completed.score, at_least: 3}}
""",
        [
            "3:49: badges[0].when.sum: name a field as well, like lesson.completed.score",
            (
                "4:49: badges[1].when.sum: 'lessons.completed.score' starts with no known "
                "event; it must be one of points.earned, lesson.completed, tournament.result, "
                "customer.updated or activity.recorded"
            ),
        ],
    ),
    "a level that everyone has": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {level: {at_least: 1}}}
  - {id: b, name: badge.a, icon: x, when: {level: {more_than: 0}}}
""",
        [
            "3:62: badges[0].when.level.at_least: everyone is at level 1: ask for level 2 or more",
            "4:63: badges[1].when.level.more_than: everyone is at level 1: ask for level 2 or more",
        ],
    ),
    "a number that everyone reaches": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {exp: {at_least: 0}}}
""",
        [
            (
                "3:60: badges[0].when.exp.at_least: must be a whole number from 1 to "
                "9007199254740992; found 0"
            ),
        ],
    ),
    "criteria nested too deep": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x,
     when: {all: [{any: [{all: [{any: [{all: [{any: [{badge: a}]}]}]}]}]}]}}
""",
        [
            (
                "4:41: badges[0].when.all[0].any[0].all[0].any[0].all: criteria may be nested 5"
                " deep at most"
            ),
        ],
    ),
}


@pytest.mark.parametrize(("text", "problems"), REFUSED.values(), ids=REFUSED)
def test_is_refused(text: str, problems: list[str]) -> None:
    assert problems_in(text) == problems
