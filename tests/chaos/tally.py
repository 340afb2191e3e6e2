"""What a whole run came to: counts of faults, of kill points that were hit, of what was checked."""

import json
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos.points import used
from tests.oracle.report import Invariant, Report


@dataclass(slots=True)
class RoundResult:
    """One round, for the report."""

    number: int
    took_s: float = 0.0
    events: int = 0
    """Valid and distinct: those that had to be counted."""
    records: int = 0
    """All that were sent: repeated, replayed and bad ones too."""
    calls: int = 0
    """Badges given by calls of the service."""
    letters: int = 0
    undecided: int = 0
    """How often the relay found that Kafka had forgotten the end of a transaction."""
    repaired: int = 0
    compared: dict[str, int] = field(default_factory=dict)
    """By invariant."""
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def take(self, report: Report) -> None:
        """What the auditor says."""
        self.compared = {str(each): report.compared(each) for each in Invariant}
        if not report.ok:
            self.problems.append(str(report))


class Tally:
    """Counts over all rounds. May be written from any thread."""

    def __init__(self, seed: int, faults: Iterable[str]) -> None:
        self.seed = seed
        self.rounds: list[RoundResult] = []
        self._lock = threading.Lock()
        self._injected: Counter[str] = Counter(dict.fromkeys(faults, 0))
        self._killed: Counter[str] = Counter(dict.fromkeys(used(), 0))
        self._frozen: Counter[str] = Counter()
        self._crashed = 0

    def injected(self, fault: str) -> None:
        with self._lock:
            self._injected[fault] += 1

    def hit(self, point: str, action: str) -> None:
        """A process died (`kill`) or froze (`stop`) at a kill point."""
        with self._lock:
            (self._killed if action == "kill" else self._frozen)[point] += 1

    def crashed(self) -> None:
        """librdkafka took its process with it."""
        with self._lock:
            self._crashed += 1

    @property
    def ok(self) -> bool:
        return bool(self.rounds) and all(each.ok for each in self.rounds)

    def lines(self) -> list[str]:
        """For a person."""
        told = ["faults injected"]
        told += [f"  {name:<28}{times:>5}" for name, times in self._injected.items()]
        told += ["kill points hit                killed frozen"]
        told += [
            f"  {point:<28}{self._killed[point]:>6} {self._frozen[point]:>6}" for point in used()
        ]
        told += [f"crashes inside librdkafka   {self._crashed:>5}", "rounds"]
        told += [f"  {_about(each)}" for each in self.rounds]
        told += [
            f"  {invariant}: {sum(each.compared.get(str(invariant), 0) for each in self.rounds):,}"
            " compared"
            for invariant in Invariant
        ]
        events = sum(each.events for each in self.rounds)
        verdict = "all invariants held in every round" if self.ok else "FAILED"
        return [*told, f"seed {self.seed}: {len(self.rounds)} rounds, {events:,} events: {verdict}"]

    def write(self, path: Path) -> None:
        """For a program."""
        path.parent.mkdir(parents=True, exist_ok=True)
        said = {
            "seed": self.seed,
            "ok": self.ok,
            "faults": dict(self._injected),
            "crashes_in_librdkafka": self._crashed,
            "kill_points": {
                point: {"killed": self._killed[point], "frozen": self._frozen[point]}
                for point in used()
            },
            "rounds": [asdict(each) for each in self.rounds],
        }
        path.write_text(json.dumps(said, indent=2) + "\n")


def _about(one: RoundResult) -> str:
    return (
        f"{one.number:>3}: {one.took_s:5.0f} s, {one.events:,} events in {one.records:,} records,"
        f" {one.calls} calls, {one.letters} dead letters, {one.undecided} undecided and"
        f" {one.repaired} repaired: {'holds' if one.ok else 'FAILED'}"
    )
