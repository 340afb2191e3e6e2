"""The kill points of the code: found in the source, so that a new one cannot be forgotten."""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

SOURCE: Final = Path(__file__).parents[2] / "gamification"
REACHED: Final = re.compile(r'\breached\("([a-z_.]+)"\)')

KINDS: Final = {
    "award": "award",
    "award_badge": "service",
    "relay": "relay",
    "project": "project",
}
"""Which process reaches the points whose names begin so."""
LETTERS: Final = "replay"
"""Points of the command with which an operator sends dead letters again."""
COMMANDS: Final = frozenset({LETTERS, "replay_window", "correct"})
"""Those of all commands that run in a round."""
ELSEWHERE: Final = {
    "archive": (
        "tests/faults/test_archive_killed.py",
        "tests/integration/test_archive_aging.py",
    ),
    "purge": ("tests/integration/test_purge_audit.py",),
}
"""Not in the random run, for they delete what its auditor compares; and who tests them."""
ONCE: Final = frozenset({"project.before_publish"})
"""Rarely reached: the first time is the one."""


def in_source() -> list[str]:
    """All of them, sorted."""
    found = {name for path in SOURCE.rglob("*.py") for name in REACHED.findall(path.read_text())}
    return sorted(found)


def family(point: str) -> str:
    return point.partition(".")[0]


def of_kind(kind: str) -> list[str]:
    """Those that a process of this kind may reach."""
    return [point for point in in_source() if KINDS.get(family(point)) == kind]


def of_command(name: str) -> list[str]:
    """Those whose names begin so."""
    return [point for point in in_source() if family(point) == name]


def used() -> list[str]:
    """Those of the random run."""
    return [each for each in in_source() if family(each) in KINDS or family(each) in COMMANDS]


class Deck:
    """Points of one kind in a random order, each as often as the others."""

    def __init__(self, kind: str, random: Random) -> None:
        self._cards = self._deal(of_kind(kind), random)

    def draw(self) -> str:
        return next(self._cards)

    @staticmethod
    def _deal(points: list[str], random: Random) -> Iterator[str]:
        while True:
            yield from random.sample(points, len(points))
