"""The lock file belongs to pyproject.toml and to no particular machine."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()


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


def test_it_names_no_machine() -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|file:|@ |/opt|/home", LOCK)


def normal(name: str) -> str:
    """Package names are equal whatever their case and separators."""
    return re.sub(r"[-_.]+", "-", name).lower()
