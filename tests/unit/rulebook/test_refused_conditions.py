"""What the loader refuses in conditions: the exact place, and what is allowed instead."""

import pytest

from tests.unit.rulebook.refusals import problems_in

REFUSED = {
    "a condition on an unknown field": (
        """\
rulebook: 1
earn:
  - {id: a, event: lesson.completed, where: {scor: 5}, exp: 5}
""",
        [
            (
                "3:46: earn[0].where.scor: lesson.completed has no field 'scor' (did you mean "
                "score?); allowed: lesson_id, course_id, score"
            ),
        ],
    ),
    "an unknown operator": (
        """\
rulebook: 1
earn:
  - {id: a, event: lesson.completed, where: {score: {"=>": 5}}, exp: 5}
""",
        [
            "3:54: earn[0].where.score['=>']: unknown word; allowed: ==, !=, <, <=, >, >=, in",
        ],
    ),
    "`in` without a list": (
        """\
rulebook: 1
earn:
  - {id: a, event: lesson.completed, where: {course_id: {in: a}}, exp: 5}
""",
        [
            (
                "3:62: earn[0].where.course_id.in: must be a list of 1 to 100 values, like [a, "
                "b]; found 'a'"
            ),
        ],
    ),
    "`in` with nothing, and with the same twice": (
        """\
rulebook: 1
earn:
  - {id: a, event: lesson.completed, where: {course_id: {in: []}, lesson_id: {in: [b, b]}}, exp: 5}
""",
        [
            (
                "3:62: earn[0].where.course_id.in: must be a list of 1 to 100 values, like [a, "
                "b]; found an empty list"
            ),
            "3:83: earn[0].where.lesson_id.in: the same value is listed twice",
        ],
    ),
    "a text where a number is": (
        """\
rulebook: 1
earn:
  - {id: a, event: lesson.completed, where: {score: high}, exp: 5}
""",
        [
            "3:53: earn[0].where.score: score holds a whole number; found 'high'",
        ],
    ),
    "a number where a text is": (
        """\
rulebook: 1
earn:
  - {id: a, event: lesson.completed, where: {course_id: 101}, exp: 5}
""",
        [
            '3:57: earn[0].where.course_id: course_id holds a text: write it in quotes, "101"',
        ],
    ),
    "an order of texts": (
        """\
rulebook: 1
earn:
  - {id: a, event: lesson.completed, where: {course_id: {">": b}}, exp: 5}
""",
        [
            (
                "3:63: earn[0].where.course_id['>']: must be a whole number; only numbers have "
                "an order; found 'b'"
            ),
        ],
    ),
    "a text compared with a number": (
        """\
rulebook: 1
earn:
  - {id: a, event: lesson.completed, where: {course_id: {">": 5}}, exp: 5}
""",
        [
            (
                "3:58: earn[0].where.course_id['>']: course_id holds a text, which has no "
                "order; allowed: ==, !=, in"
            ),
        ],
    ),
    "words that are no numbers": (
        """\
rulebook: 1
earn:
  - {id: a, event: lesson.completed, where: {score: true}, exp: yes}
""",
        [
            (
                "3:53: earn[0].where.score: must be a whole number, a text of 1 to 128 "
                'characters, or an operator like {">=": 60}; found true'
            ),
            (
                "3:65: earn[0].exp: must be a whole number from 1 to 1000000000, or {per: "
                "<field>, rate: 1/10}; found 'yes'"
            ),
        ],
    ),
    "an outcome that does not exist": (
        """\
rulebook: 1
earn:
  - {id: a, event: tournament.result, where: {outcome: {in: [WIN, won]}}, exp: 5}
""",
        [
            "3:67: earn[0].where.outcome.in[1]: outcome is one of WIN, LOSS or DRAW; found 'won'",
        ],
    ),
    "an activity type that no event can have": (
        """\
rulebook: 1
earn:
  - {id: a, event: activity.recorded, where: {activity_type: Log-In}, exp: 5}
""",
        [
            (
                "3:62: earn[0].where.activity_type: activity_type is lower-case letters, digits"
                " and underscores, like daily_login, at most 64 characters; found 'Log-In'"
            ),
        ],
    ),
    "attributes that are misnamed": (
        """\
rulebook: 1
earn:
  - {id: a, event: activity.recorded, where: {"attributes.a b": x, channel: y}, exp: 5}
""",
        [
            (
                "3:47: earn[0].where['attributes.a b']: an attribute's name is 1 to 64 letters,"
                " digits, underscores, hyphens and dots, like attributes.channel"
            ),
            (
                "3:68: earn[0].where.channel: activity.recorded has no field 'channel'; "
                "allowed: activity_type, amount, attributes.<name>"
            ),
        ],
    ),
}


@pytest.mark.parametrize(("text", "problems"), REFUSED.values(), ids=REFUSED)
def test_is_refused(text: str, problems: list[str]) -> None:
    assert problems_in(text) == problems
