"""Invariant 1: entries are numbered without gaps, chain, and end at the balances."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

import psycopg

from tests.oracle import postgres_rows as sql
from tests.oracle.expected import Person
from tests.oracle.postgres_rows import LedgerRow, ProfileRow
from tests.oracle.report import Invariant, Report, shown

LEDGER = Invariant.LEDGER
EARNED_TYPES = frozenset({"rule_award", "tournament_payout"})


class LedgerAudit:
    """Remembers every entry that it ever saw: none may change or go away."""

    def __init__(self) -> None:
        self._seen: dict[tuple[object, ...], int] = {}
        self.by_rule: dict[tuple[Person, str], tuple[int, int]] = {}
        """(EXP, coins) of each person's entries by rule's name; of the last look."""
        self.causes: dict[Person, set[bytes]] = {}

    def look(self, database: psycopg.Connection, report: Report) -> dict[Person, LedgerRow]:
        """Check every person's chain; return each one's last entry."""
        self.by_rule.clear()
        self.causes.clear()
        last: dict[Person, LedgerRow] = {}
        unseen = dict(self._seen)
        for person, entries in groupby(self._rows(database, unseen, report), key=lambda e: e[:2]):
            last[person] = self._chain(person, entries, report)
        for place in unseen:
            report.differ(LEDGER, f"entries: {shown(place)} was there and is gone")
        return last

    def compare(
        self, database: psycopg.Connection, profiles: dict[Person, ProfileRow], report: Report
    ) -> None:
        """Check that the chains end where the profiles stand."""
        last = self.look(database, report)
        want: dict[object, object] = {
            person: (row.entry, row.exp_after, row.coins_after) for person, row in last.items()
        }
        got: dict[object, object] = {
            person: (row.entries, row.exp, row.coins)
            for person, row in profiles.items()
            if person in last or row.entries or row.exp or row.coins
        }
        report.same(LEDGER, "balances", want, got)
        for person, row in profiles.items():
            if row.exp < 0 or row.coins < 0:
                report.differ(LEDGER, f"balances: {shown(person)} is below zero")
        exp, exp_viewed, coins, coins_viewed = next(sql.rows(database, sql.VIEW_SUMS))
        if (exp, coins) != (exp_viewed, coins_viewed):
            report.differ(LEDGER, "the views exp_transactions and coin_transactions differ in sum")

    def _rows(
        self,
        database: psycopg.Connection,
        unseen: dict[tuple[object, ...], int],
        report: Report,
    ) -> Iterator[LedgerRow]:
        number = 0
        for values in sql.rows(database, sql.LEDGER):
            place, print_ = values[:3], hash(values)
            if self._seen.setdefault(place, print_) != print_:
                report.differ(LEDGER, f"entries: {shown(place)} is not what it was")
            unseen.pop(place, None)
            number += 1
            yield LedgerRow(*values)
        report.count(LEDGER, "ledger entries", number)

    def _chain(
        self, person: tuple[object, ...], entries: Iterator[LedgerRow], report: Report
    ) -> LedgerRow:
        exp = coins = number = 0
        paid: Counter[tuple[bytes, str | None]] = Counter()
        entry: LedgerRow | None = None
        for entry in entries:
            number, exp, coins = number + 1, exp + entry.exp, coins + entry.coins
            if (entry.entry, entry.exp_after, entry.coins_after) != (number, exp, coins):
                report.differ(
                    LEDGER,
                    f"entries: {shown(person)} number {entry.entry} has balances"
                    f" {entry.exp_after}, {entry.coins_after} instead of number {number},"
                    f" {exp}, {coins}",
                )
                number, exp, coins = entry.entry, entry.exp_after, entry.coins_after
            if entry.type is None or entry.rule is None:
                report.differ(LEDGER, f"entries: {shown(person)} {number}: unknown type or rule")
            if coins < 0:
                report.differ(LEDGER, f"entries: {shown(person)} {number}: coins below zero")
            paid[entry.cause, entry.rule] += 1
            key = (entry[:2], str(entry.rule))
            before = self.by_rule.get(key, (0, 0))
            self.by_rule[key] = (before[0] + entry.exp, before[1] + entry.coins)
        for (cause, rule), times in paid.items():
            if times > 1:
                said = f"{shown(person)}: {shown(cause)} paid {times} times by {rule}"
                report.differ(LEDGER, f"entries: {said}")
        assert entry is not None, "groupby yields no empty group"
        self.causes[entry[:2]] = {cause for cause, _rule in paid}
        return entry
