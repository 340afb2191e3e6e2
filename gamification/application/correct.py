"""Operators' corrections of one customer: decided, written and announced as awards are.

The same locks in the same order as `award`. Whoever asks again under the same key, or for the
opposite of an entry that was taken back already, changes nothing and hears what was done.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import orjson

from gamification.adapters.postgres import corrections, names, profiles, rulebooks
from gamification.adapters.postgres.corrections import Correcting
from gamification.adapters.postgres.profiles import CustomerKey
from gamification.adapters.postgres.session import EngineSession, Tx, pipelined
from gamification.application.award import Outcome, StaleRules, TenantsOf, write_effects
from gamification.application.rules import Tenants
from gamification.domain.audit import Entry as AuditEntry
from gamification.domain.correct import (
    Correction,
    Lacking,
    award_of,
    cause_of,
    checked_reason,
    correct,
    opposite_of,
)
from gamification.domain.effects import BadgeAwarded, LevelReached
from gamification.domain.errors import InvalidArgument, NotFound, Unavailable
from gamification.domain.ids import BadgeId, EventId, uuid_text
from gamification.domain.player import Player
from gamification.domain.turn import Turn
from gamification.telemetry.killpoints import reached
from gamification.wire.announce import profile_changed

TRIES: Final = 3
TOGETHER_MAX: Final = 100
"""Entries taken back in one transaction."""
AWARD_RULE: Final = "correction:award"
REVERSAL_RULE: Final = "correction:reversal"
"""What the ledger names as their rule."""

Plan = Callable[[Tx], list[Correction]]


class Order(NamedTuple):
    """Whose balances, who wants it and why."""

    customer: CustomerKey
    actor: str
    reason: str
    really: bool
    """Else it is only found out what would come of it."""


class Standing(NamedTuple):
    """A customer's balances and level."""

    exp: int
    coins: int
    level: int


class Made(NamedTuple):
    """One correction, and the number of its entry."""

    correction: Correction
    number: int
    is_repeated: bool
    """It had been made before; nothing was done now."""


class Corrected(NamedTuple):
    """What came of an order, or would come of it."""

    before: Standing
    after: Standing
    made: list[Made]
    levels: list[int]
    """Levels reached for the first time, through EXP that was awarded."""
    badges: list[BadgeId]
    """Badges that follow from what was awarded."""


class Corrector:
    """Handles orders on one connection. For one thread."""

    def __init__(self, session: EngineSession, tenants: Tenants, now_ms: Callable[[], int]) -> None:
        self._session = session
        self._tenants = tenants
        self._now_ms = now_ms

    def award(self, order: Order, exp: int, coins: int, key: str) -> Corrected:
        """Add signed amounts under a key that is never paid twice.

        Raises InvalidArgument, NotFound, Unavailable, Halt.
        """
        correction = award_of(exp, coins, key)
        return self._carry_out(order, "correction.award", lambda _tx: [correction])

    def reverse(
        self, order: Order, numbers: Sequence[int] = (), event: EventId | None = None
    ) -> Corrected:
        """Take entries back: those with these numbers, or all that one event brought.

        Raises InvalidArgument, NotFound, Unavailable, Halt.
        """
        if len(numbers) > TOGETHER_MAX:
            raise InvalidArgument(f"entry: at most {TOGETHER_MAX} at once")

        def plan(tx: Tx) -> list[Correction]:
            return _opposites(tx, order.customer, sorted(set(numbers)), event)

        return self._carry_out(order, "correction.reverse", plan)

    def _carry_out(self, order: Order, action: str, plan: Plan) -> Corrected:
        reason = checked_reason(order.reason)
        rule = AWARD_RULE if action == "correction.award" else REVERSAL_RULE
        [rule_code] = names.intern(self._session, [rule]).values()
        for _ in range(TRIES):
            tenants = self._tenants.load({order.customer[0]})
            if not tenants:
                raise NotFound("merchant_id: no such merchant")
            try:
                return self._attempt(
                    order._replace(reason=reason), action, plan, tenants, rule_code
                )
            except StaleRules:
                self._tenants.renew()
        raise Unavailable("rules or merchants change faster than they can be read")

    def _attempt(
        self, order: Order, action: str, plan: Plan, tenants: TenantsOf, rule_code: int
    ) -> Corrected:
        outcome, now_ms = Outcome(), self._now_ms()
        with self._session.transaction() as tx:
            if not self._tenants.is_current(rulebooks.generation_in(tx)):
                raise StaleRules
            player = _lock(tx, order.customer)
            before = _standing(player)
            made: list[Made] = []
            entries: list[Correcting] = []
            for correction in plan(tx):
                known = corrections.by_key(tx, order.customer, correction.key)
                if known is not None:
                    made.append(_repeated(correction, *known))
                    continue
                cause = cause_of(*order.customer, correction, now_ms)
                outcome.actors[cause.event_id] = order.actor
                turn = Turn(cause, player, tenants[order.customer[0]], outcome.effects)
                entry = correct(turn, correction, rule_code)
                if isinstance(entry, Lacking):
                    raise InvalidArgument(_too_little(entry, correction, player))
                made.append(Made(correction, entry.number, is_repeated=False))
                entries.append(Correcting(entry, correction, order.actor))
            if order.really and entries:
                outcome.audited = [_audited(order, action, each) for each in entries]
                outcome.rows = [
                    profile_changed(*order.customer, f"correction:{each.correction.key}", now_ms)
                    for each in entries
                ]
                with pipelined(tx):
                    corrections.append(tx, entries)
                    write_effects(tx, outcome, [player], tenants, now_ms)
            reached("correct.before_commit")
        reached("correct.after_commit")
        announced = outcome.effects.announcements
        return Corrected(
            before,
            _standing(player),
            made,
            [fact.level for fact in announced if isinstance(fact, LevelReached)],
            [fact.badge for fact in announced if isinstance(fact, BadgeAwarded)],
        )


def _lock(tx: Tx, customer: CustomerKey) -> Player:
    if not profiles.existing(tx, [customer]):
        raise NotFound("customer_id: this merchant has no such customer")
    return profiles.lock(tx, [customer])[customer]


def _standing(player: Player) -> Standing:
    return Standing(player.exp, player.coins, player.level)


def _opposites(
    tx: Tx, customer: CustomerKey, numbers: Sequence[int], event: EventId | None
) -> list[Correction]:
    if event is not None:
        kept = corrections.by_cause(tx, customer, event, TOGETHER_MAX + 1)
        if not kept:
            raise NotFound("event_id: it brought this customer no entry")
        if len(kept) > TOGETHER_MAX:
            raise InvalidArgument(f"event_id: more than {TOGETHER_MAX} entries; name them")
    else:
        kept = corrections.by_number(tx, customer, numbers)
        missing = sorted(set(numbers) - {each.number for each in kept})
        if missing:
            raise NotFound(f"entry: this customer has no entry {missing[0]}")
    return [opposite_of(each.number, each.exp, each.coins, each.type_code) for each in kept]


def _repeated(correction: Correction, number: int, exp: int, coins: int) -> Made:
    if (exp, coins) != (correction.exp, correction.coins):
        raise InvalidArgument(
            f"key: entry {number} has it already, with EXP {exp:+d} and coins {coins:+d}; "
            "another correction needs another key"
        )
    return Made(correction, number, is_repeated=True)


def _too_little(lacking: Lacking, correction: Correction, player: Player) -> str:
    if lacking is Lacking.EXP:
        name, has, by = "EXP", player.exp, correction.exp
    else:
        name, has, by = "coins", player.coins, correction.coins
    return f"{lacking}: the customer has {has:,} {name}, and {by:+,} leads out of what is allowed"


def _audited(order: Order, action: str, made: Correcting) -> AuditEntry:
    merchant, customer = order.customer
    entry, correction, actor = made
    details = {
        "exp": str(entry.exp),
        "coins": str(entry.coins),
        "entry": str(entry.number),
        "reason": order.reason,
    }
    if correction.reverses is not None:
        details["reverses"] = str(correction.reverses)
    return AuditEntry(
        merchant,
        actor,
        action,
        f"customer:{uuid_text(customer)}",
        orjson.dumps(details).decode(),
        cause=correction.key,
    )
