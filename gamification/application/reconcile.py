"""Compare what Postgres says twice: ledger and balances, levels, badges, causes.

Reads only, in pages, beside live traffic. Repair is elsewhere, see `repair`.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from gamification.adapters.postgres import reconcile as rows
from gamification.adapters.postgres.connection import Database
from gamification.adapters.postgres.reconcile import Contradiction, Page, Uncaused
from gamification.domain.cause import stand_in_id
from gamification.domain.compile import CompiledRulebook
from gamification.domain.difference import Check, Findings
from gamification.domain.ids import CustomerId, MerchantId, uuid_text

OF_POSTGRES: Final = (Check.LEDGER, Check.LEVELS, Check.BADGES, Check.CAUSES)
NAMES: Final = ("EXP", "coins", "coins earned", "entries")

Rules = Callable[[MerchantId], CompiledRulebook | None]


class Reconciler:
    """For one run, on one connection."""

    def __init__(self, database: Database, rules_of: Rules) -> None:
        self._database = database
        self._rules_of = rules_of
        self._marks = rows.marks(database)
        self.findings = {check: Findings(check) for check in OF_POSTGRES}
        self.contradicting: dict[MerchantId, list[CustomerId]] = defaultdict(list)
        """Customers whose profile does not follow from ledger and badges: for repair."""

    def look(self, merchant_id: MerchantId, told: Callable[[], None]) -> None:
        """All customers of one merchant; `told` after each page. Raises Unavailable, Halt."""
        rules = self._rules_of(merchant_id)
        mark, thresholds = (0, (0,)) if rules is None else (rules.mark, rules.thresholds)
        for page in rows.pages(self._database, merchant_id):
            for each in rows.contradictions(self._database, page, mark, thresholds):
                self._tell(merchant_id, each)
            self._causes(page)
            customers = rows.customers(self._database, page)
            for findings in self.findings.values():
                findings.compared += customers
            told()

    def _tell(self, merchant_id: MerchantId, each: Contradiction) -> None:
        merchant, customer = uuid_text(merchant_id), f"customer {uuid_text(each.customer_id)}"
        ledger, levels = self.findings[Check.LEDGER], self.findings[Check.LEVELS]
        can_follow = each.chained and each.is_known
        if not each.is_known:
            ledger.differ(merchant, customer, "no profile", "a profile", is_derived=False)
            return
        if not each.chained:
            ledger.differ(
                merchant,
                customer,
                "entries whose numbers or running balances are wrong",
                "an unbroken chain: the ledger itself was changed",
                is_derived=False,
            )
        if each.said is not None and each.said != each.summed:
            ledger.differ(
                merchant,
                customer,
                _amounts(each.said, each.summed),
                _amounts(each.summed, each.said),
                is_derived=can_follow,
            )
        if each.level_of_exp is not None and each.level != each.level_of_exp:
            found, wanted = f"level {each.level}", f"level {each.level_of_exp} by its EXP"
            levels.differ(merchant, customer, found, wanted, is_derived=can_follow)
        elif (each.level or 0) > (each.level_high or 0):
            found, wanted = f"highest level {each.level_high}", f"at least {each.level}"
            levels.differ(merchant, customer, found, wanted, is_derived=can_follow)
        if not each.same_badges:
            self.findings[Check.BADGES].differ(
                merchant,
                customer,
                "other badges in the profile",
                "those of customer_badges",
                is_derived=can_follow,
            )
        if can_follow:
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


def _amounts(these: Sequence[int], those: Sequence[int]) -> str:
    """Only what differs."""
    parts = zip(NAMES, these, those, strict=True)
    return ", ".join(f"{name} {this:,}" for name, this, that in parts if this != that)
