"""The random run is the same for the same seed, leaves nothing out, and knows every kill point."""

import re
from itertools import combinations
from pathlib import Path

from tests.chaos import points
from tests.chaos.catalogue import BY_NAME, FAULTS, TABLE
from tests.chaos.fault import Fault
from tests.chaos.plan import CALM_S, TOGETHER_MAX, plan

ROOT = Path(__file__).parents[2]
LOAD_S = 75.0


def every_fault() -> set[type[Fault]]:
    """Whatever is written as one, wherever it is."""
    found: set[type[Fault]] = set()
    todo = [Fault]
    while todo:
        kinds = todo.pop().__subclasses__()
        todo += kinds
        found |= {each for each in kinds if "name" in vars(each)}
    return found


def test_a_seed_gives_the_same_steps_and_another_one_gives_others() -> None:
    assert plan(7, 3, LOAD_S) == plan(7, 3, LOAD_S)
    assert plan(7, 3, LOAD_S) != plan(8, 3, LOAD_S)
    assert plan(7, 3, LOAD_S) != plan(7, 2, LOAD_S)


def test_every_fault_comes_within_some_rounds() -> None:
    met = {step.fault for number in range(1, 7) for step in plan(5, number, LOAD_S)}

    assert met == set(FAULTS)


def test_faults_overlap_but_not_on_one_server_and_never_too_many() -> None:
    together = 0
    for number in range(1, 9):
        steps = plan(11, number, LOAD_S)
        assert all(step.at_s <= LOAD_S - CALM_S for step in steps)
        for one, other in combinations(steps, 2):
            if one.at_s < other.until_s and other.at_s < one.until_s:
                together += 1
                assert not one.fault.touches & other.fault.touches
        for step in steps:
            going_on = [each for each in steps if each.at_s <= step.at_s < each.until_s]
            assert len(going_on) <= TOGETHER_MAX
    assert together > 10


def test_all_faults_are_in_the_catalogue_under_names_of_their_own() -> None:
    assert set(FAULTS) == every_fault()
    assert len(BY_NAME) == len(FAULTS)


def test_the_page_about_faults_has_a_row_for_each_of_the_demanded_ones_and_names_all() -> None:
    page = (ROOT / "docs" / "faults.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    numbered = {line.split("|")[1].strip(): line for line in rows}
    for number, kinds in enumerate(TABLE, start=1):
        for kind in kinds:
            assert f"`{kind.name}`" in numbered[str(number)]
    for kind in FAULTS:
        assert f"`{kind.name}`" in page


def test_the_tests_that_the_page_names_exist() -> None:
    page = (ROOT / "docs" / "faults.md").read_text()
    named = set(re.findall(r"\btest_[a-z_]+", page))
    written = "".join(
        path.read_text() for folder in ("faults", "integration") for path in files_of(folder)
    ) + " ".join(path.stem for folder in ("faults", "integration") for path in files_of(folder))

    assert named
    assert {name for name in named if name not in written} == set()


def files_of(folder: str) -> list[Path]:
    return sorted((ROOT / "tests" / folder).glob("test_*.py"))


def test_every_kill_point_of_the_code_is_used_here_or_tested_elsewhere() -> None:
    found = points.in_source()

    assert len(found) > 20
    known = {*points.KINDS, *points.COMMANDS, *points.ELSEWHERE}
    assert {points.family(each) for each in found} <= known
    for point in found:
        paths = points.ELSEWHERE.get(points.family(point))
        if paths is not None:
            named = "".join((ROOT / path).read_text() for path in paths)
            assert f'"{point}' in named, f"none of {paths} names {point}"
