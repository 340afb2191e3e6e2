"""The manual's examples load, and its mistakes are reported as it says."""

import re
from pathlib import Path

import pytest

from gamification.domain.rulebook import Rulebook
from gamification.wire.rulebook import RulebookError, load

MANUAL = (Path(__file__).parents[3] / "docs" / "rulebook.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)
CRITERIA = re.findall(
    r"`(\{(?:exp|coins_earned|level|streak|count|sum|distinct|badge): .*?\})`", MANUAL
)
BADGE = "{id: it, name: badge.it, icon: x"
OTHERS = """
  - {id: veteran, name: badge.veteran, icon: x}
  - {id: other, name: badge.other, icon: x, when: {streak: {at_least: 7}}}
"""
BROKEN = """\
rulebook: 1
earn:
  - id: points
    event: points.earned
    exp: {per: points, rate: 0.5}
  - id: lesson
    event: lesson.completed
    where: {scor: {">=": 60}}
    once_per: lesson_id
    exp: 50
    cap: {exp: {week: 500}}
levels:
  formula: {base: 100, max: 40}
  rewards: {10: {badges: [vetran]}}
badges:
  - {id: veteran, name: badge.veteran, icon: shield}
  - {id: scholar, name: badge.scholar, icon: owl,
     when: {sum: lesson.completed.course_id, at_least: 5}}
  - {id: legend, name: badge.legend, icon: crown, when: {badge: hero}}
  - {id: hero, name: badge.hero, icon: cape, when: {badge: legend}}
"""


def whole(block: str) -> str:
    """The rulebook around an excerpt."""
    match block.split(":", maxsplit=1)[0]:
        case "where":
            event = "event: tournament.result"
            lines = "".join(f"\n    {line}" for line in block.splitlines())
            return f"rulebook: 1\nearn:\n  - id: it\n    exp: 1\n    {event}{lines}\n"
        case "when":
            lines = "".join(f"\n    {line}" for line in block.splitlines())
            others = OTHERS.replace("id: other", "id: week-on-fire")
            return (
                f"rulebook: 1\nbadges:\n  - id: it\n    name: badge.it\n    icon: x{lines}{others}"
            )
        case "- id":
            return "rulebook: 1\nbadges:\n" + "".join(f"  {line}\n" for line in block.splitlines())
        case "badges":
            return f"rulebook: 1\n{block}{OTHERS[1:]}"
        case "levels":
            return f"rulebook: 1\n{block}badges:{OTHERS}"
        case _:
            return block if "rulebook: 1" in block else f"rulebook: 1\n{block}"


EXCERPTS = [block for block in BLOCKS if ": ..." not in block and not block.startswith("#")]


@pytest.mark.parametrize("block", EXCERPTS)
def test_an_example_loads(block: str) -> None:
    assert load(whole(block)) != Rulebook()


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_criterion_of_the_table_loads(criterion: str) -> None:
    collector = "{id: collector, name: badge.collector, icon: x, when: exp, tiers: {gold: 5}}"

    load(f"rulebook: 1\nbadges: [{BADGE}, when: {criterion}}}, {collector}]\n")


def test_enough_was_compared() -> None:
    assert len(EXCERPTS) >= 7
    assert len(CRITERIA) >= 9


def test_mistakes_are_reported_as_the_manual_shows() -> None:
    with pytest.raises(RulebookError) as caught:
        load(BROKEN, "my-rulebook.yaml")

    assert str(caught.value) in MANUAL
