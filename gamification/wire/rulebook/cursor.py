"""A tolerant view of a document: what has the wrong shape looks absent.

The schema has reported wrong shapes already, so the readers of meaning neither check nor
report them again; they look at what is usable and find the further mistakes beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gamification.wire.rulebook.document import Value
from gamification.wire.rulebook.problems import Path, Report


@dataclass(frozen=True, slots=True)
class Cursor:
    """One value, where it is, and where to complain about it."""

    value: Value
    path: Path
    report: Report

    def at(self, word: str) -> "Cursor":
        """What stands under `word`; an absent value when there is nothing."""
        value = self.value.get(word) if isinstance(self.value, dict) else None
        return Cursor(value, (*self.path, word), self.report)

    def has(self, word: str) -> bool:
        return isinstance(self.value, dict) and word in self.value

    def entries(self) -> Iterator[tuple[str, "Cursor"]]:
        """Of a mapping, in the order of the text."""
        if isinstance(self.value, dict):
            for word in self.value:
                yield word, self.at(word)

    def items(self) -> Iterator["Cursor"]:
        """Of a list."""
        if isinstance(self.value, list):
            for index, item in enumerate(self.value):
                yield Cursor(item, (*self.path, index), self.report)

    @property
    def text(self) -> str | None:
        return self.value if isinstance(self.value, str) else None

    @property
    def whole(self) -> int | None:
        """An integer. `true` is none, whatever Python says."""
        is_whole = isinstance(self.value, int) and not isinstance(self.value, bool)
        return self.value if is_whole and isinstance(self.value, int) else None

    @property
    def misspelt(self) -> bool:
        """Whether a word of this mapping was refused: then what is missing may be that."""
        return any(entry.path in self.report.spoilt for _, entry in self.entries())

    def refuse(self, message: str) -> None:
        """Report that this value means nothing."""
        if self.path not in self.report.spoilt:
            self.report.value(self.path, message)

    def refuse_key(self, message: str) -> None:
        """Report that the word before this value means nothing here."""
        if self.path not in self.report.spoilt:
            self.report.key(self.path, message)
