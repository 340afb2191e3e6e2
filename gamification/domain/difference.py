"""Two places that should say the same and do not."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

KEPT_MAX: Final = 1_000
"""Differences of one check that are kept to be shown; the others are counted."""


class Check(StrEnum):
    """What is compared."""

    LEDGER = "ledger"
    """Ledger entries and the balances of profiles."""
    LEVELS = "levels"
    """Levels and EXP."""
    BADGES = "badges"
    """Badges and what profiles repeat of them."""
    CAUSES = "causes"
    """Entries and badges, and the events that brought them."""
    BOARDS = "boards"
    """Leaderboards in Redis and totals in Postgres."""
    OUTBOX = "outbox"
    """The outbox and what readers of Kafka see."""


class Difference(NamedTuple):
    """One contradiction, in words for people."""

    check: Check
    merchant_id: str
    """As text; empty where it belongs to none."""
    subject: str
    """What it is about: a customer, a board and customer, a row of the outbox."""
    found: str
    wanted: str
    is_derived: bool
    """Whether what was found follows from what was wanted, so that `--repair` can write it."""


@dataclass(slots=True)
class Findings:
    """What one check compared, and what differed."""

    check: Check
    compared: int = 0
    differing: int = 0
    differences: list[Difference] = field(default_factory=list)
    """The first KEPT_MAX of them."""

    def differ(
        self, merchant_id: str, subject: str, found: str, wanted: str, *, is_derived: bool
    ) -> None:
        self.differing += 1
        if len(self.differences) < KEPT_MAX:
            self.differences.append(
                Difference(self.check, merchant_id, subject, found, wanted, is_derived)
            )
