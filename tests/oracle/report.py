"""What the auditor compared and what did not fit, for people."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

SHOWN_MAX: Final = 10
"""Differences listed for each invariant; all are counted."""
UUID_BYTES: Final = 16
TEXT_MAX: Final = 120


class Invariant(StrEnum):
    LEDGER = "(1) the ledger's entries add up to the balances"
    AWARDS = "(2) awards are those of the pure model"
    TOPICS = "(3) the topics hold exactly the outbox, each id once"
    BOARDS = "(4) Redis is what Postgres gives when rebuilt"


class Report:
    """Collects comparisons. It is good only if every invariant compared something."""

    def __init__(self) -> None:
        self._compared: dict[Invariant, Counter[str]] = defaultdict(Counter)
        self._found: dict[Invariant, list[str]] = defaultdict(list)
        self._differences: Counter[Invariant] = Counter()

    @property
    def ok(self) -> bool:
        return not self._differences and all(self.compared(each) for each in Invariant)

    def compared(self, invariant: Invariant) -> int:
        return self._compared[invariant].total()

    def differences(self, invariant: Invariant) -> int:
        return self._differences[invariant]

    def count(self, invariant: Invariant, what: str, number: int) -> None:
        """Say that so many of something were compared."""
        self._compared[invariant][what] += number

    def differ(self, invariant: Invariant, said: str) -> None:
        self._differences[invariant] += 1
        if len(self._found[invariant]) < SHOWN_MAX:
            self._found[invariant].append(said)

    def same(
        self,
        invariant: Invariant,
        what: str,
        want: Mapping[object, object] | Collection[object],
        got: Mapping[object, object] | Collection[object],
        *,
        where: str = "",
    ) -> None:
        """Compare two sets, or two mappings by key; the number of keys seen is what counts.

        `where` is told with a difference, and left out of the counts.
        """
        wanted = want if isinstance(want, Mapping) else dict.fromkeys(want, "there")
        found = got if isinstance(got, Mapping) else dict.fromkeys(got, "there")
        self.count(invariant, what, len(wanted.keys() | found.keys()))
        if wanted == found:
            return
        place = f"{what} {where}".rstrip()
        for key in sorted(wanted.keys() | found.keys(), key=repr):
            if key not in found:
                self.differ(invariant, f"{place}: {shown(key)} is missing: {shown(wanted[key])}")
            elif key not in wanted:
                self.differ(invariant, f"{place}: {shown(key)} should not be: {shown(found[key])}")
            elif wanted[key] != found[key]:
                said = f"is {shown(found[key])} instead of {shown(wanted[key])}"
                self.differ(invariant, f"{place}: {shown(key)} {said}")

    def lines(self) -> list[str]:
        """The verdict first, then each invariant with what it compared and where it fails."""
        verdict = "all four invariants hold" if self.ok else "NOT ALL INVARIANTS HOLD"
        return [verdict, *(line for each in Invariant for line in self._about(each))]

    def _about(self, invariant: Invariant) -> list[str]:
        counts = self._compared[invariant]
        told = ", ".join(f"{number:,} {what}" for what, number in counts.items() if number)
        told = told or "NOTHING WAS COMPARED"
        differences = self._differences[invariant]
        if not differences:
            return [f"  {invariant}: {told}"]
        listed = [f"      {said}" for said in self._found[invariant]]
        left_out = differences - len(listed)
        more = [f"      and {left_out:,} more"] if left_out else []
        return [f"  {invariant}: {differences:,} DIFFERENCES in {told}", *listed, *more]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def shown(value: object) -> str:
    """Ids as UUID text, everything else short."""
    if isinstance(value, bytes) and len(value) == UUID_BYTES:
        raw = value.hex()
        return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
    if isinstance(value, tuple):
        return " / ".join(shown(each) for each in value)
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}..."
