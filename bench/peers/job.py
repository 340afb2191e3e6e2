"""The small job that all contestants do, and what must come of it.

Points come in, some of them twice; they are added up for each customer, and whoever passes a
threshold gets its badge. What must come of it is computed here in the simplest way, from the same
deliveries that are published, and shares nothing with anybody who does the job.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from random import Random
from typing import Any, Final, NamedTuple

from bench.ground import repeated
from bench.points import TOPIC, customer_text, points
from bench.workload import Delivery

THRESHOLDS: Final = (100, 500, 1000)
SEED: Final = 11
AGE_MS: Final = 60_000
"""Of the oldest event when the newest one happens: one day's worth at most."""
LAST_CUSTOMERS: Final = 200
"""Their one event each, which brings all badges, is the end of every partition: whoever has
announced these has read everything before."""


class Badge(NamedTuple):
    """`customer` as in the record's key; `threshold` is one of THRESHOLDS."""

    customer: str
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`events` distinct ones, of `customers` at random, 1 to `points_max` points each;
    `duplicates` is the share of events that come a second time."""

    events: int
    customers: int
    points_max: int = 150
    duplicates: float = 0.1

    def deliveries(self, until_ms: int) -> Iterator[Delivery]:
        """As they are published: the same ones at every call, up to `until_ms` (1970)."""
        yield from repeated(self._body(until_ms), self.duplicates)
        for number in range(LAST_CUSTOMERS):
            who = customer_text(self.customers + number)
            yield _delivery(f"last {number}", who, THRESHOLDS[-1], until_ms)

    def about(self) -> dict[str, Any]:
        """For the results."""
        return asdict(self)

    def _body(self, until_ms: int) -> Iterator[Delivery]:
        random = Random(SEED)
        for number in range(self.events):
            who = customer_text(random.randrange(self.customers))
            when = until_ms - AGE_MS + AGE_MS * number // self.events
            yield _delivery(f"job {number}", who, random.randint(1, self.points_max), when)


def _delivery(event: str, customer: str, amount: int, when_ms: int) -> Delivery:
    datum = points(event, customer, amount, when_ms)
    return Delivery(TOPIC, customer.encode(), TOPIC, datum, when_ms, (), None, None)


def expected(deliveries: Iterable[Delivery]) -> set[Badge]:
    """Every badge that these bring, once."""
    seen: set[str] = set()
    totals: Counter[str] = Counter()
    for delivery in deliveries:
        event = str(delivery.datum["event_id"])
        if event not in seen:
            seen.add(event)
            totals[str(delivery.datum["customer_id"])] += int(str(delivery.datum["points"]))
    return {
        Badge(who, threshold)
        for who, total in totals.items()
        for threshold in THRESHOLDS
        if threshold <= total
    }


@dataclass(frozen=True, slots=True)
class Verdict:
    """How what was announced differs from what should have been."""

    expected: int
    missing: int
    doubled: int
    """Announcements beyond the first one of a badge that is right."""
    wrong: int
    """Announcements of badges that nobody earned."""

    @property
    def right(self) -> bool:
        return not (self.missing or self.doubled or self.wrong)

    def __str__(self) -> str:
        if self.right:
            return "each once"
        told = {"missing": self.missing, "doubled": self.doubled, "wrong": self.wrong}
        return ", ".join(f"{count:,} {what}" for what, count in told.items() if count)


def judge(announced: Iterable[Badge], wanted: set[Badge]) -> Verdict:
    """Compare announcements with what `expected` gave."""
    counts = Counter(announced)
    right = counts.keys() & wanted
    return Verdict(
        expected=len(wanted),
        missing=len(wanted) - len(right),
        doubled=sum(counts[badge] - 1 for badge in right),
        wrong=sum(count for badge, count in counts.items() if badge not in wanted),
    )
