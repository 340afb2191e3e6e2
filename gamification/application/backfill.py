"""After an activation: look at everyone's badges once, in bounded steps beside live traffic."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from gamification.adapters.postgres import backfill as rows
from gamification.adapters.postgres import profiles
from gamification.adapters.postgres.session import EngineSession, pipelined
from gamification.application.award import Outcome, write_effects
from gamification.application.rules import Tenants
from gamification.domain.activity import Activity
from gamification.domain.cause import stand_in
from gamification.domain.decide import look_again
from gamification.domain.effects import BadgeAwarded
from gamification.domain.errors import Halt
from gamification.domain.ids import CustomerId, MerchantId
from gamification.domain.player import Player
from gamification.domain.turn import Turn
from gamification.wire.rulebook import load

CUSTOMERS_EACH: Final = 500
"""Customers locked by one transaction: some ten milliseconds."""


class Step(NamedTuple):
    customers: int
    badges: int


class Backfill:
    """For one merchant. Awards what its customers' counters have earned under the active rules."""

    def __init__(
        self,
        session: EngineSession,
        merchant: MerchantId,
        now_ms: Callable[[], int],
    ) -> None:
        self._session = session
        self._merchant = merchant
        self._now_ms = now_ms
        found = Tenants(session, load, create_merchants=False).load([merchant])
        if merchant not in found:
            raise Halt("there is no such merchant")
        self._tenant = found[merchant]

    def waiting(self) -> int:
        """Customers who were not looked at under this rulebook."""
        return rows.waiting(self._session, self._merchant, self._tenant[1].mark)

    def steps(self) -> Iterator[Step]:
        """Do it, one transaction for each step. Raises Unavailable; then run it again."""
        after = CustomerId(bytes(16))
        while True:
            with self._session.transaction() as tx:
                customers = rows.next_customers(
                    tx, self._merchant, self._tenant[1].mark, after, CUSTOMERS_EACH
                )
                if not customers:
                    return
                players = profiles.lock(tx, [(self._merchant, c) for c in customers])
                outcome = Outcome()
                effects = outcome.effects
                for player in players.values():
                    look_again(Turn(self._cause(player), player, self._tenant, effects))
                tenants = {self._merchant: self._tenant}
                with pipelined(tx):
                    write_effects(tx, outcome, list(players.values()), tenants, self._now_ms())
            after = customers[-1]
            awarded = sum(isinstance(fact, BadgeAwarded) for fact in effects.announcements)
            yield Step(len(customers), awarded)

    def _cause(self, player: Player) -> Activity:
        """What stands as the cause: not an event, but an id that this run alone has."""
        fact = b"backfill:%d:" % self._tenant[1].mark + player.customer_id
        return stand_in(fact, player.merchant_id, player.customer_id, 0)
