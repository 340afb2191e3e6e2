"""Compare what Postgres says twice: ledger and balances, levels, badges, causes.

Reads only, in pages, beside live traffic. Repair is elsewhere, see `repair`.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from gamification.adapters.postgres import reconcile as rows
from gamification.adapters.postgres.connection import Database
from gamification.adapters.postgres.reconcile import Contradiction, Page, Uncaused
from gamification.domain.cause import stand_in_id
from gamification.domain.compile import CompiledRulebook
from gamification.domain.difference import Check, Findings
from gamification.domain.ids import CustomerId, MerchantId, uuid_text

OF_POSTGRES: Final = (Check.LEDGER, Check.LEVELS, Check.BADGES, Check.CAUSES)
WRITABLE_MAX: Final = 100_000
"""Customers noted for repair in one run; the next one finds the others."""
NAMES: Final = ("EXP", "coins", "coins earned", "entries")

Rules = Callable[[MerchantId], CompiledRulebook | None]


class Reconciler:
    """For one run, on one connection."""

    def __init__(self, database: Database, rules_of: Rules, checks: Collection[Check]) -> None:
        """Those of OF_POSTGRES that are among `checks`."""
        self._database = database
        self._rules_of = rules_of
        self._marks = rows.marks(database)
        self.findings = {check: Findings(check) for check in OF_POSTGRES if check in checks}
        self.contradicting: dict[MerchantId, list[CustomerId]] = defaultdict(list)
        """Customers whose profile does not follow from ledger and badges: for repair."""
        self._writable = 0

    def look(self, merchant_id: MerchantId, told: Callable[[], None]) -> None:
        """All customers of one merchant; `told` after each page. Raises Unavailable, Halt."""
        rules = self._rules_of(merchant_id)
        mark, thresholds = (0, (0,)) if rules is None else (rules.mark, rules.thresholds)
        for page in rows.pages(self._database, merchant_id):
            if self.findings.keys() - {Check.CAUSES}:
                for each in rows.contradictions(self._database, page, mark, thresholds):
                    self._tell(merchant_id, each)
            if Check.CAUSES in self.findings:
                self._causes(page)
            customers = rows.customers(self._database, page)
            for findings in self.findings.values():
                findings.compared += customers
            told()

    def _tell(self, merchant_id: MerchantId, each: Contradiction) -> None:
        can_write = False
        for check, found, wanted, is_derived in _judged(each):
            if check not in self.findings:
                continue
            customer = f"customer {uuid_text(each.customer_id)}"
            findings = self.findings[check]
            findings.differ(uuid_text(merchant_id), customer, found, wanted, is_derived=is_derived)
            can_write = can_write or is_derived
        if can_write and self._writable < WRITABLE_MAX:
            self._writable += 1
            self.contradicting[merchant_id].append(each.customer_id)

    def _causes(self, page: Page) -> None:
        """Whatever was paid or given was so by an event, a call, a correction or a backfill."""
        leftover = rows.uncaused(self._database, page)
        if not leftover:
            return
        known: set[tuple[CustomerId, bytes]] = set()
        for customer, badge, cause in rows.called(self._database, page):
            if cause is not None:
                known.add((customer, cause))
            elif badge is not None:
                fact = b"award_badge:" + page.merchant_id + customer + badge.encode()
                known.add((customer, stand_in_id(fact)))
        for each in leftover:
            if (each.customer_id, each.cause) not in known and not self._is_backfill(each):
                self.findings[Check.CAUSES].differ(
                    uuid_text(page.merchant_id),
                    f"customer {uuid_text(each.customer_id)}, {each.what}",
                    f"cause {uuid_text(each.cause)}, which was never counted",
                    "an event, a call or a correction",
                    is_derived=False,
                )

    def _is_backfill(self, each: Uncaused) -> bool:
        facts = (b"backfill:%d:" % mark + each.customer_id for mark in self._marks)
        return any(stand_in_id(fact) == each.cause for fact in facts)


def _judged(each: Contradiction) -> Iterator[tuple[Check, str, str, bool]]:
    """Check, what was found, what was wanted, and whether the one follows from the other."""
    if not each.is_known:
        yield Check.LEDGER, "no profile", "a profile", False
        return
    if not each.chained:
        found = "entries whose numbers or running balances are wrong"
        yield Check.LEDGER, found, "an unbroken chain: the ledger itself was changed", False
    if each.said is not None and each.said != each.summed:
        found, wanted = _amounts(each.said, each.summed), _amounts(each.summed, each.said)
        yield Check.LEDGER, found, wanted, each.chained
    if each.level_of_exp is not None and each.level != each.level_of_exp:
        wanted = f"level {each.level_of_exp} by its EXP"
        yield Check.LEVELS, f"level {each.level}", wanted, each.chained
    elif (each.level or 0) > (each.level_high or 0):
        found = f"highest level {each.level_high}"
        yield Check.LEVELS, found, f"at least {each.level}", each.chained
    if not each.same_badges:
        wanted = "those of customer_badges"
        yield Check.BADGES, "other badges in the profile", wanted, each.chained


def _amounts(these: Sequence[int], those: Sequence[int]) -> str:
    """Only what differs."""
    parts = zip(NAMES, these, those, strict=True)
    return ", ".join(f"{name} {this:,}" for name, this, that in parts if this != that)
