"""Write anew what follows from something else: profiles from the ledger and the badges held.

One customer at a time, under the lock that awards take too, and only what still differs then.
Leaderboards are not written here: the projection builds them, see `rebuild_request`.
"""

from collections.abc import Callable
from typing import Final

import orjson

from gamification.adapters.postgres import profiles, reconcile
from gamification.adapters.postgres.session import EngineSession, Tx, pipelined
from gamification.application.award import Outcome, write_effects
from gamification.application.rules import Tenants
from gamification.domain.audit import Entry
from gamification.domain.ids import CustomerId, MerchantId, uuid_text
from gamification.domain.player import Player
from gamification.domain.settle import level_of
from gamification.wire.announce import profile_changed

ACTION: Final = "reconcile.repair"


class Repairer:
    """For one thread. Writes nothing that is not derived."""

    def __init__(
        self, session: EngineSession, tenants: Tenants, actor: str, now_ms: Callable[[], int]
    ) -> None:
        self._session = session
        self._tenants = tenants
        self._actor = actor
        self._now_ms = now_ms

    def repair(self, merchant_id: MerchantId, customer_id: CustomerId) -> bool:
        """Whether anything had to be changed. Raises Unavailable or Halt."""
        tenants = self._tenants.load({merchant_id})
        _merchant, rules = tenants[merchant_id]
        key, now_ms = (merchant_id, customer_id), self._now_ms()
        with self._session.transaction() as tx:
            player = profiles.lock(tx, [key])[key]
            derived = reconcile.derived(tx, merchant_id, customer_id)
            if not derived.chained:
                return False
            changed = _follow(player, derived)
            if player.rulebook == rules.mark:
                level = level_of(rules, player.exp)
                if level != player.level:
                    changed["level"] = f"{player.level} -> {level}"
                    player.level = level
            if player.level > player.level_high:
                changed["level_high"] = f"{player.level_high} -> {player.level}"
                player.level_high = player.level
            if not changed:
                return False
            self._write(tx, player, changed, now_ms)
        return True

    def _write(self, tx: Tx, player: Player, changed: dict[str, str], now_ms: int) -> None:
        player.dirty = True
        cause = f"{ACTION}:{uuid_text(player.customer_id)}:{now_ms}"
        outcome = Outcome()
        outcome.audited = [
            Entry(
                player.merchant_id,
                self._actor,
                ACTION,
                f"customer:{uuid_text(player.customer_id)}",
                orjson.dumps(changed).decode(),
                cause=cause,
            )
        ]
        outcome.rows = [profile_changed(player.merchant_id, player.customer_id, cause, now_ms)]
        with pipelined(tx):
            write_effects(tx, outcome, [player], {}, now_ms)


def _follow(player: Player, derived: reconcile.Derived) -> dict[str, str]:
    """Set what follows; say what was and what is."""
    changed: dict[str, str] = {}
    for name in ("exp", "coins", "coins_earned", "entries", "badges"):
        was, wanted = getattr(player, name), getattr(derived, name)
        if was != wanted:
            setattr(player, name, wanted)
            changed[name] = (
                f"{len(was)} -> {len(wanted)} held" if name == "badges" else f"{was} -> {wanted}"
            )
    return changed
