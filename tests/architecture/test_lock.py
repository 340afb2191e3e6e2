"""The lock file belongs to pyproject.toml and to no particular machine."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
RUNTIME = (ROOT / "requirements.runtime.lock").read_text()
"""What the image runs with: the same versions, without what only developers need."""


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {normal(re.split(r"[^\w.-]", each)[0]) for each in wanted}
    locked = set(map(normal, re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE)))
    assert names <= locked, "run make lock"


def test_every_version_has_a_hash() -> None:
    pinned = [line for line in LOCK.splitlines() if "==" in line and not line.startswith(" ")]
    assert pinned
    assert all(line.endswith("\\") for line in pinned)


def test_the_image_runs_with_the_versions_that_are_tested() -> None:
    tested, shipped = pins(LOCK), pins(RUNTIME)
    assert shipped
    assert {name: tested.get(name) for name in shipped} == shipped, "run make lock"


def test_the_image_has_every_dependency_and_no_tool() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {normal(re.split(r"[^\w.-]", each)[0]) for each in project["dependencies"]}
    assert wanted <= pins(RUNTIME).keys(), "run make lock"
    assert not {"mypy", "pytest", "ruff", "uv"} & pins(RUNTIME).keys()


def test_it_names_no_machine() -> None:
    assert not re.search(
        r"https?://|--(extra-)?index-url|--find-links|file:|@ |/opt|/home", LOCK + RUNTIME
    )


def pins(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes of each package."""
    entries = re.split(r"^(?=[\w.-]+==)", lock, flags=re.MULTILINE)
    found = {}
    for entry in entries:
        named = re.match(r"([\w.-]+)==([^\s;\\]+)", entry)
        if named:
            hashes = frozenset(re.findall(r"sha256:[0-9a-f]{64}", entry))
            found[normal(named[1])] = (named[2], hashes)
    return found


def normal(name: str) -> str:
    """Package names are equal whatever their case and separators."""
    return re.sub(r"[-_.]+", "-", name).lower()
