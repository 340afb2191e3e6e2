"""Rulebooks and merchants as a worker uses them: loaded when needed, renewed when they change."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from gamification.adapters.postgres import merchants as merchant_rows
from gamification.adapters.postgres import names, rulebooks
from gamification.adapters.postgres.session import EngineSession
from gamification.domain.compile import CompiledRulebook, compile_rulebook
from gamification.domain.errors import Halt
from gamification.domain.ids import MerchantId, uuid_text
from gamification.domain.merchant import Merchant
from gamification.domain.rulebook import Rulebook

MERCHANTS_MAX: Final = 20_000
"""Merchants remembered; a few hundred bytes each. Beyond it the longest unused ones go."""
RULEBOOKS_MAX: Final = 256
"""Compiled rulebooks remembered; most merchants share the default one."""

Parse = Callable[[str], Rulebook]


class Tenants:
    """What one worker knows of merchants and their rules, as of one generation."""

    def __init__(self, session: EngineSession, parse: Parse, *, create_merchants: bool) -> None:
        self._session = session
        self._parse = parse
        self._create = create_merchants
        self._generation = -1
        self._merchants: OrderedDict[MerchantId, tuple[Merchant, CompiledRulebook]] = OrderedDict()
        self._compiled: OrderedDict[tuple[MerchantId, int], CompiledRulebook] = OrderedDict()

    def is_current(self, generation: int) -> bool:
        return generation == self._generation

    def load(
        self, ids: Collection[MerchantId]
    ) -> Mapping[MerchantId, tuple[Merchant, CompiledRulebook]]:
        """Those of `ids` that exist (or are made, where that is on), with their rules.

        Raises Unavailable, and Halt when there is no rulebook at all.
        """
        if self._generation < 0:
            self.renew()
        missing = [merchant for merchant in ids if merchant not in self._merchants]
        if missing:
            self._read(missing)
        for merchant in ids:
            if merchant in self._merchants:
                self._merchants.move_to_end(merchant)
        return {m: self._merchants[m] for m in ids if m in self._merchants}

    def renew(self) -> None:
        """Forget what may have changed and note the generation from which we read on."""
        self._merchants.clear()
        self._generation = rulebooks.generation(self._session)

    def _read(self, ids: list[MerchantId]) -> None:
        found = merchant_rows.read(self._session, ids, create=self._create)
        for merchant_id, merchant in found.items():
            self._merchants[merchant_id] = (merchant, self._rules_of(merchant_id))
        while len(self._merchants) > max(MERCHANTS_MAX, len(ids)):
            self._merchants.popitem(last=False)

    def _rules_of(self, merchant: MerchantId) -> CompiledRulebook:
        stored = rulebooks.active_for(self._session, merchant)
        if stored is None:
            raise Halt("there is no active rulebook: python -m cli.rules activate FILE --yes")
        key = (stored.owner, stored.version)
        if key not in self._compiled:
            self._compiled[key] = self._compile(stored)
            while len(self._compiled) > RULEBOOKS_MAX:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return self._compiled[key]

    def _compile(self, stored: rulebooks.Stored) -> CompiledRulebook:
        def intern(wanted: Iterable[str]) -> Mapping[str, int]:
            return names.intern(self._session, wanted)

        mark = f"rulebook:{uuid_text(stored.owner)}:{stored.version}"
        return compile_rulebook(self._parse(stored.document), mark, intern)
