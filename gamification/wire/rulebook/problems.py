"""What is wrong with a rulebook, said so that its writer can repair it in one go."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

PROBLEMS_MAX: Final = 100
"""Nobody reads more, and a hostile file must not fill the memory with them."""
HINTS_MAX: Final = 20
"""Finding a similar word among a thousand badges takes a while."""
WORD_MAX: Final = 100
"""Longer words are not compared with others."""

_PLAIN_STEP: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the document; () is the whole of it."""


class Mark(NamedTuple):
    """A place in the text. Both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair. `message` says what is allowed."""

    source: str
    line: int
    column: int
    path: str
    """As in `earn[2].cap.exp.day`; empty for the document itself."""
    message: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}: "
        return place + (f"{self.path}: {self.message}" if self.path else self.message)


class RulebookError(ValueError):
    """This text is no rulebook. `problems` holds all that was found, in the text's order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(slots=True)
class Report:
    """Collects problems while a document is read; at most PROBLEMS_MAX."""

    source: str
    values: Mapping[Path, Mark] = field(default_factory=dict)
    """Where each value starts."""
    keys: Mapping[Path, Mark] = field(default_factory=dict)
    """Where each key of a mapping is written, by the path of its value."""
    problems: list[Problem] = field(default_factory=list)
    spoilt: set[Path] = field(default_factory=set)
    """Paths whose value was already refused: saying more about it would only confuse."""

    @property
    def full(self) -> bool:
        return len(self.problems) >= PROBLEMS_MAX

    def add_at(self, mark: Mark, path: Path, message: str) -> None:
        """For what the tables of places do not know (yet)."""
        self.spoilt.add(path)
        if not self.full:
            self.problems.append(Problem(self.source, *mark, shown(path), message))

    def value(self, path: Path, message: str) -> None:
        """The value at `path` is wrong."""
        self.add_at(self.values.get(path, Mark(1, 1)), path, message)

    def key(self, path: Path, message: str) -> None:
        """The word that leads to `path` is wrong."""
        self.add_at(self.keys.get(path, Mark(1, 1)), path, message)

    def incomplete(self, path: Path, message: str) -> None:
        """The mapping at `path` lacks something, or holds words that exclude each other."""
        mark = self.values.get(path, Mark(1, 1))
        problem = Problem(self.source, *mark, shown(path), message)
        if problem not in self.problems and not self.full:
            self.problems.append(problem)

    def hint(self, word: str, allowed: Iterable[str]) -> str:
        """` (did you mean ...?)`, where something allowed is like `word`."""
        if not word[:1].isalpha() or len(self.problems) >= HINTS_MAX:
            return ""
        near = difflib.get_close_matches(word[:WORD_MAX], allowed, n=1)
        return f" (did you mean {near[0]}?)" if near else ""

    def error(self) -> RulebookError:
        ordered = sorted(self.problems, key=lambda problem: (problem.line, problem.column))
        return RulebookError(tuple(ordered))


def shown(path: Path) -> str:
    """`("earn", 2, "where", ">=")` -> `earn[2].where[">="]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_STEP.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{quoted(step)}]"
    return text


def quoted(text: str) -> str:
    """Text of the document as a message may repeat it: in quotes, harmless and short."""
    limit = 40
    safe = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return f"'{safe if len(safe) <= limit else safe[:limit] + '...'}'"


def listed(words: "list[str] | tuple[str, ...]", last: str = "or") -> str:
    """`a, b or c`."""
    *most, final = words
    return f"{', '.join(most)} {last} {final}" if most else final
