"""How problems are reported: all of them, in order, bounded, and as one ValueError."""

import pytest

from gamification.wire.rulebook import Problem, RulebookError, load
from tests.unit.rulebook.refusals import problems_in

MANY_MISTAKES = """\
rulebook: 1
timezone: Mars/Olympus
levels: {thresholds: [0, 10, 5]}
badges:
  - {id: a, name: badge.a, icon: x, when: {badge: nobody}}
earn:
  - {id: a, event: points.earned, exp: -1, oops: 1}
streak: {events: [nothing]}
"""


def test_problems_of_every_part_come_together_in_the_order_of_the_text() -> None:
    places = [problem.split(" ")[1] for problem in problems_in(MANY_MISTAKES)]

    assert places == [
        "timezone:",
        "levels.thresholds[2]:",
        "badges[0].when.badge:",
        "earn[0].exp:",
        "earn[0].oops:",
        "streak.events[0]:",
    ]


def test_a_problem_says_where_it_is() -> None:
    with pytest.raises(RulebookError) as caught:
        load("rulebook: 1\nearn:\n  - {id: a, event: points.earned, exp: 0}\n", "shop.yaml")

    (problem,) = caught.value.problems
    assert isinstance(caught.value, ValueError)
    assert problem == Problem("shop.yaml", 3, 40, "earn[0].exp", problem.message)
    assert str(caught.value) == f"shop.yaml:3:40: earn[0].exp: {problem.message}"


def test_no_more_than_a_hundred_problems() -> None:
    text = "rulebook: 1\nstreak: {events: [" + ", ".join(["x"] * 500) + "]}\n"

    assert len(problems_in(text)) == 100


def test_long_and_unprintable_text_is_not_repeated_whole() -> None:
    (problem,) = problems_in('rulebook: "' + "\u202e" + "x" * 1000 + '"\n')

    assert len(problem) < 150
    assert "\u202e" not in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("#" * 262_145, "1:1: longer than 256 KiB, the most allowed"),
        ("\U0001f600" * 65_537, "1:1: longer than 256 KiB, the most allowed"),
        ("[" * 5000, "1:33: nested deeper than 32 levels"),
        ("- " * 5000, "1:65: nested deeper than 32 levels"),
        ("[" + "1," * 30_000, "1:60000: more than 30000 words and values, the most allowed"),
        ("? " * 5000, "1:3: a key must be a plain word"),
        ('a: "\x00"', "1:5: not YAML: the character U+0000 is not allowed"),
    ],
    ids=[
        "bytes",
        "wide characters",
        "lists",
        "dashes",
        "many values",
        "keys",
        "control characters",
    ],
)
def test_hostile_text_is_refused_before_it_costs_anything(text: str, problem: str) -> None:
    assert problems_in(text) == [problem]


def test_aliases_cannot_multiply() -> None:
    text = "rulebook: 1\nearn: &a [x, x]\nbadges: [*a, *a, *a, *a]\n"

    assert sum("references (*)" in problem for problem in problems_in(text)) == 4


def test_a_word_without_end_does_not_fill_the_message() -> None:
    problems = problems_in("rulebook: 1\n? " + "x" * 200_000 + "\n: 1\n")

    assert [problem[:20] for problem in problems] == ["2:3: ['xxxxxxxxxxxxx"]
    assert len(problems[0]) < 200
