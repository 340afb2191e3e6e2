"""The heart: one batch of records becomes awards, atomically.

Crash anywhere and the batch is read again; the offsets and the ids of events, moved and claimed
in the same transaction, make that harmless.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gamification.adapters.postgres import (
    audit,
    badges,
    completions,
    customer_days,
    dead_letters,
    ledger,
    offsets,
    outbox,
    processed_events,
    profiles,
)
from gamification.adapters.postgres.offsets import Partition
from gamification.adapters.postgres.processed_events import EventKey
from gamification.adapters.postgres.profiles import CustomerKey
from gamification.adapters.postgres.session import EngineSession, Tx, pipelined
from gamification.application.rules import Tenants
from gamification.domain.activity import Activity
from gamification.domain.audit import Entry as AuditEntry
from gamification.domain.audit import badges_awarded
from gamification.domain.compile import CompiledRulebook
from gamification.domain.decide import decide_turn
from gamification.domain.effects import BadgeAwarded, Effects
from gamification.domain.errors import Reason, Unavailable
from gamification.domain.ids import EventId, MerchantId
from gamification.domain.merchant import Merchant
from gamification.domain.needs import needs_of, want_old_board_days
from gamification.domain.player import Player
from gamification.domain.turn import Turn
from gamification.telemetry.killpoints import reached
from gamification.wire import audit as audit_wire
from gamification.wire.announce import announce
from gamification.wire.dead_letter import REPLAY_TOPIC, letter_that_came_back, outbox_row
from gamification.wire.envelope import DeadLetter, Decoded, OutboxRow, Record

KNOWN_CUSTOMERS_MAX: Final = 200_000
"""Customers whose profile surely exists, remembered to save a look: about 30 MB when full."""

TenantsOf = Mapping[MerchantId, tuple[Merchant, CompiledRulebook]]
Players = Mapping[CustomerKey, Player]
MakeLetter = Callable[[Record, Reason, str], DeadLetter]


class StaleRules(Exception):
    """The rules or merchants changed since they were loaded; nothing was done."""


class Means(NamedTuple):
    """What a worker brings along to award with."""

    consumer: str
    """Under which name offsets are kept."""
    locales: Collection[str]
    now_ms: Callable[[], int]
    dead_letter: MakeLetter


class Moves(NamedTuple):
    """Partitions that a batch advances: from what this worker stored last, to where next."""

    expected: Mapping[Partition, int]
    next_offsets: Mapping[Partition, int]


@dataclass(slots=True)
class Outcome:
    """What a batch brought, for metrics and logs; true once the transaction is committed."""

    effects: Effects = field(default_factory=Effects)
    counted: list[Activity] = field(default_factory=list)
    duplicates: list[Activity] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    new_letters: list[DeadLetter] = field(default_factory=list)
    """Those of `letters` that nobody knew before."""
    resolved: list[tuple[MerchantId, bytes]] = field(default_factory=list)
    """Letters that were sent again and are not needed any more: merchant and id."""
    actors: dict[EventId, str] = field(default_factory=dict)
    """By cause: who asked, for the audit. Where nobody did, it was the engine."""
    audited: list[AuditEntry] = field(default_factory=list)
    """What the audit must hear besides badges."""
    rows: list[OutboxRow] = field(default_factory=list)
    """What Kafka must hear besides what deciding brought."""


class Awarder:
    """Handles batches on one connection. For one thread."""

    def __init__(self, session: EngineSession, tenants: Tenants, means: Means) -> None:
        self._session = session
        self._tenants = tenants
        self._consumer = means.consumer
        self._locales = means.locales
        self._now_ms = means.now_ms
        self._dead_letter = means.dead_letter
        self._known: set[bytes] = set()

    def award(
        self, batch: Sequence[Decoded], moves: Moves, known_done: Collection[EventKey] = ()
    ) -> Outcome:
        """Advance, claim, decide, write and announce: all of it, or none of it.

        `known_done` are ids that are surely counted with the content that the batch has for
        them: skipped without being claimed. Raises Suspect when one record may be at fault,
        PartitionLost, Unavailable, Halt.
        """
        for _ in range(3):
            tenants = self._tenants.load({d.activity.merchant_id for d in batch if d.activity})
            try:
                return self._attempt(batch, moves, tenants, known_done)
            except StaleRules:
                self._tenants.renew()
        raise Unavailable("rules or merchants change faster than they can be read")

    def _attempt(
        self,
        batch: Sequence[Decoded],
        moves: Moves,
        tenants: TenantsOf,
        known_done: Collection[EventKey],
    ) -> Outcome:
        outcome = Outcome()
        effects = outcome.effects
        players: Players = {}
        with self._session.transaction() as tx:
            generation = offsets.advance(tx, self._consumer, moves.expected, moves.next_offsets)
            if not self._tenants.is_current(generation):
                raise StaleRules
            outcome.counted = self._claim(tx, batch, tenants, known_done, outcome)
            outcome.new_letters = dead_letters.park(tx, outcome.letters)
            reached("award.after_claim")
            players = self._lock(tx, outcome.counted)
            reached("award.after_lock")
            turns = [
                Turn(a, players[a.merchant_id, a.customer_id], tenants[a.merchant_id], effects)
                for a in outcome.counted
            ]
            _read_needs(tx, turns)
            for turn in turns:
                decide_turn(turn, self._locales)
            with pipelined(tx):
                write_effects(tx, outcome, list(players.values()), tenants, self._now_ms())
            reached("award.before_commit")
        reached("award.after_commit")
        self._remember(players)
        return outcome

    def _claim(
        self,
        tx: Tx,
        batch: Sequence[Decoded],
        tenants: TenantsOf,
        known_done: Collection[EventKey],
        outcome: Outcome,
    ) -> list[Activity]:
        """The activities that nobody has counted yet, in their order; the others are sorted out."""
        firsts: dict[EventKey, Decoded] = {}
        again: list[tuple[EventKey, Decoded]] = []
        for decoded in batch:
            activity = decoded.activity
            if activity is None:
                if decoded.letter is not None:
                    outcome.letters.append(decoded.letter)
            elif activity.merchant_id not in tenants:
                detail = "merchant_id: create the merchant first (python -m cli.merchants put)"
                outcome.letters.append(
                    self._dead_letter(decoded.record, Reason.UNKNOWN_MERCHANT, detail)
                )
            elif (key := (activity.merchant_id, activity.event_id)) in known_done:
                outcome.duplicates.append(activity)
            elif key in firsts:
                again.append((key, decoded))
            else:
                firsts[key] = decoded
        hashes = processed_events.claim(tx, [d.activity for d in firsts.values() if d.activity])
        counted: list[Activity] = []
        for key, decoded in firsts.items():
            activity = decoded.activity
            if activity is not None and key not in hashes:
                hashes[key] = activity.content_hash
                counted.append(activity)
            else:
                again.append((key, decoded))
        self._tell_apart(again, hashes, outcome)
        outcome.resolved = _resolved(batch, outcome.letters)
        return counted

    def _tell_apart(
        self,
        again: Sequence[tuple[EventKey, Decoded]],
        hashes: Mapping[EventKey, int],
        outcome: Outcome,
    ) -> None:
        """Known ids: the same content is a duplicate, other content a conflict."""
        for key, decoded in again:
            if decoded.activity is None:
                continue
            if decoded.activity.content_hash == hashes[key]:
                outcome.duplicates.append(decoded.activity)
            else:
                detail = "event_id: already counted with other content; a new fact needs a new id"
                outcome.letters.append(
                    self._dead_letter(decoded.record, Reason.CONFLICTING_DUPLICATE, detail)
                )

    def _lock(self, tx: Tx, counted: Sequence[Activity]) -> Players:
        keys = sorted({(a.merchant_id, a.customer_id) for a in counted})
        if not keys:
            return {}
        unknown = [key for key in keys if key[0] + key[1] not in self._known]
        if unknown:
            profiles.create_missing(tx, unknown)
        try:
            return profiles.lock(tx, keys)
        except Unavailable:
            self._known.clear()
            raise

    def _remember(self, players: Players) -> None:
        """Only after the commit: a profile made by a transaction that failed does not exist."""
        if len(self._known) > KNOWN_CUSTOMERS_MAX:
            self._known.clear()
        self._known.update(merchant + customer for merchant, customer in players)


def write_effects(
    tx: Tx,
    outcome: Outcome,
    players: Sequence[Player],
    tenants: TenantsOf,
    now_ms: int,
) -> None:
    """Write what deciding brought about and, last, announce it, inside `pipelined`.

    `players` are locked.
    """
    effects = outcome.effects
    ledger.append(tx, effects.entries)
    profiles.write(tx, [p for p in players if p.dirty])
    customer_days.write(tx, players)
    completions.write(tx, players)
    awarded = [a for a in effects.announcements if isinstance(a, BadgeAwarded)]
    badges.award(tx, awarded)
    audited = badges_awarded(awarded, outcome.actors) + outcome.audited
    audit.append(tx, audited)
    ledger.refuse(tx, effects.refused)
    ledger.take_prizes(tx, effects.prizes)
    profiles.write_settings(tx, [p for p in players if p.settings_dirty])
    dead_letters.resolve(tx, outcome.resolved)
    locales = {merchant: tenant.default_locale for merchant, (tenant, _) in tenants.items()}
    rows = announce(effects.announcements, locales, now_ms)
    rows.extend(outcome.rows)
    rows.extend(audit_wire.announced(audited, now_ms))
    rows.extend(outbox_row(letter) for letter in outcome.new_letters)
    reached("award.before_append")
    outbox.append(tx, rows, [p for p in players if p.dirty or p.board_days])


def _resolved(
    batch: Sequence[Decoded], letters: Sequence[DeadLetter]
) -> list[tuple[MerchantId, bytes]]:
    """Letters that came back and are counted now, or were already."""
    if all(decoded.record.topic != REPLAY_TOPIC for decoded in batch):
        return []
    failed = {letter.source for letter in letters}
    return [
        (decoded.activity.merchant_id, letter)
        for decoded in batch
        if decoded.activity is not None
        and decoded.record.position not in failed
        and (letter := letter_that_came_back(decoded.record)) is not None
    ]


def _read_needs(tx: Tx, turns: Sequence[Turn]) -> None:
    """Read what deciding needs besides profiles; members first, for they may name further days."""
    needs = needs_of(turns)
    completions.read(tx, [(player, key) for (_, key), player in needs.members.items()])
    ledger.read_prizes(tx, [(player, key) for (_, key), player in needs.prizes.items()])
    want_old_board_days(needs)
    customer_days.read(tx, needs.buckets)
