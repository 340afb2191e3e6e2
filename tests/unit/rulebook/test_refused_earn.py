"""What the loader refuses in earn rules: the exact place, and what is allowed instead."""

import pytest

from tests.unit.rulebook.refusals import problems_in

REFUSED = {
    "a rate with a point": (
        """\
rulebook: 1
earn:
  - id: a
    event: points.earned
    exp: {per: points, rate: 0.5}
""",
        [
            (
                "5:30: earn[0].exp.rate: found '0.5': numbers with a point are not exact; write"
                ' a fraction like 3/2 (or quotes, "1.5", where a text is meant)'
            ),
        ],
    ),
    "a negative amount": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned, exp: -5}
""",
        [
            (
                "3:40: earn[0].exp: must be a whole number from 1 to 1000000000, or {per: "
                "<field>, rate: 1/10}; found -5"
            ),
        ],
    ),
    "an amount of nothing": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned, coins: 0}
""",
        [
            (
                "3:42: earn[0].coins: must be a whole number from 1 to 1000000000, or {per: "
                "<field>, rate: 1/10, as: rule_award}; found 0"
            ),
        ],
    ),
    "a rate of nothing": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned, coins: {per: points, rate: 0/5}}
""",
        [
            (
                "3:62: earn[0].coins.rate: must be a whole number or a fraction like 5/4, both "
                "parts from 1 to 999999; found '0/5'"
            ),
        ],
    ),
    "a negative rate": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned, coins: {per: points, rate: -1/2}}
""",
        [
            (
                "3:62: earn[0].coins.rate: must be a whole number or a fraction like 5/4, both "
                "parts from 1 to 999999; found '-1/2'"
            ),
        ],
    ),
    "a rate that could overflow": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned, coins: {per: points, rate: 2000}}
""",
        [
            "3:62: earn[0].coins.rate: must be 1000 at most; found 2000",
        ],
    ),
    "an unknown event": (
        """\
rulebook: 1
earn:
  - {id: a, event: lesson.complete, exp: 5}
""",
        [
            (
                "3:20: earn[0].event: must be an event that can pay: points.earned, "
                "lesson.completed, tournament.result or activity.recorded; found "
                "'lesson.complete'"
            ),
        ],
    ),
    "settings that earn or keep a streak": (
        """\
rulebook: 1
earn:
  - {id: a, event: customer.updated, exp: 5}
streak: {events: [customer.updated]}
""",
        [
            (
                "3:20: earn[0].event: must be an event that can pay: points.earned, "
                "lesson.completed, tournament.result or activity.recorded; found "
                "'customer.updated'"
            ),
            (
                "4:19: streak.events[0]: must be one of points.earned, lesson.completed, "
                "tournament.result, activity.recorded; found 'customer.updated'"
            ),
        ],
    ),
    "an unknown coin type": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned, coins: {fixed: 5, as: gift}}
""",
        [
            (
                "3:57: earn[0].coins.as: must be one of rule_award, tournament_payout, deposit,"
                " withdrawal, bet; found 'gift'"
            ),
        ],
    ),
    "two ways to pay at once": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned, coins: {fixed: 5, per: points, rate: 1}}
""",
        [
            "3:42: earn[0].coins: needs exactly one of fixed or per",
        ],
    ),
    "coins without an amount": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned, coins: {as: deposit}}
  - {id: b, event: points.earned, coins: {rate: 1/2}}
""",
        [
            "3:42: earn[0].coins: needs exactly one of fixed or per",
            "4:42: earn[1].coins: needs exactly one of fixed or per",
            "4:42: earn[1].coins: rate goes with per only",
        ],
    ),
    "a multiple of a text": (
        """\
rulebook: 1
earn:
  - {id: a, event: lesson.completed, exp: {per: course_id}}
""",
        [
            (
                "3:49: earn[0].exp.per: course_id holds a text, no number; number fields of "
                "lesson.completed: score"
            ),
        ],
    ),
    "a rule that pays nothing": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned}
""",
        [
            "3:5: earn[0]: needs at least one of exp or coins",
        ],
    ),
    "a cap on what is not paid": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned, exp: 5, cap: {coins: {day: 5}, exp: {}}}
""",
        [
            "3:49: earn[0].cap.coins: the rule pays no coins: nothing to cap",
            (
                "3:71: earn[0].cap.exp: must be {day: ..., week: ..., ever: ...} with at least "
                "one of the three; found an empty mapping"
            ),
        ],
    ),
    "a cap by month, a cap of nothing": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned, exp: 5, cap: {exp: {month: 5, day: 0}}}
""",
        [
            "3:55: earn[0].cap.exp.month: unknown word; allowed: day, week, ever",
            "3:70: earn[0].cap.exp.day: must be a whole number from 1 to 9007199254740992; found 0",
        ],
    ),
    "a first time with multiples and caps": (
        """\
rulebook: 1
earn:
  - id: a
    event: lesson.completed
    once_per: lesson_id
    exp: {per: score}
    coins: 5
    cap: {exp: {week: 5, ever: 9}, coins: {day: 5}}
""",
        [
            (
                "6:11: earn[0].exp.per: a rule with once_per pays fixed amounts only, so that "
                "it does not matter which activity came first"
            ),
            "8:17: earn[0].cap.exp.week: a rule with once_per may have no cap but `ever`",
            "8:44: earn[0].cap.coins.day: a rule with once_per may have no cap but `ever`",
        ],
    ),
    "a first time of an unknown field": (
        """\
rulebook: 1
earn:
  - {id: a, event: lesson.completed, once_per: lesson, exp: 5}
""",
        [
            (
                "3:48: earn[0].once_per: lesson.completed has no field 'lesson' (did you mean "
                "lesson_id?); allowed: lesson_id, course_id, score"
            ),
        ],
    ),
    "a prize without a tournament": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned, coins: {per: points, as: tournament_payout}}
""",
        [
            "3:60: earn[0].coins.as: tournament_payout goes with the event tournament.result only",
        ],
    ),
    "a prize with everything that it must not have": (
        """\
rulebook: 1
earn:
  - id: a
    event: tournament.result
    once_per: tournament_id
    coins: {per: placement, as: tournament_payout}
    exp: 5
    cap: {exp: {day: 10}}
""",
        [
            (
                "5:5: earn[0].once_per: a rule with `as: tournament_payout` pays once for each "
                "tournament, match and customer already"
            ),
            (
                "6:13: earn[0].coins.per: a rule with once_per pays fixed amounts only, so that"
                " it does not matter which activity came first"
            ),
            "8:5: earn[0].cap: a rule with `as: tournament_payout` may have no caps",
            "8:17: earn[0].cap.exp.day: a rule with once_per may have no cap but `ever`",
        ],
    ),
    "an id used twice": (
        """\
rulebook: 1
earn:
  - {id: a, event: points.earned, exp: 5}
  - {id: a, event: points.earned, exp: 5}
badges:
  - {id: b, name: badge.b, icon: x}
  - {id: b, name: badge.b, icon: x}
""",
        [
            "4:10: earn[1].id: a is already the id of earn[0]",
            "7:10: badges[1].id: b is already the id of badges[0]",
        ],
    ),
    "an id that is none": (
        """\
rulebook: 1
earn:
  - {id: First Lesson, event: points.earned, exp: 5}
  - {id: 7, event: points.earned, exp: 5}
""",
        [
            (
                "3:10: earn[0].id: must be lower-case words joined by hyphens, like "
                "first-lesson, at most 64 characters; found 'First Lesson'"
            ),
            (
                "4:10: earn[1].id: must be lower-case words joined by hyphens, like "
                "first-lesson, at most 64 characters; found 7"
            ),
        ],
    ),
}


@pytest.mark.parametrize(("text", "problems"), REFUSED.values(), ids=REFUSED)
def test_is_refused(text: str, problems: list[str]) -> None:
    assert problems_in(text) == problems
