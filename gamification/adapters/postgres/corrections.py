"""Entries that operators make: under a key, with who did it and what it takes back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from gamification.adapters.postgres.arrays import bigints, uuids
from gamification.adapters.postgres.profiles import CustomerKey
from gamification.adapters.postgres.session import Tx
from gamification.domain.correct import Correction
from gamification.domain.effects import Entry
from gamification.domain.ids import EventId

OF_CUSTOMER: Final = """
    SELECT l.entry, l.exp, l.coins, l.type, t.name, n.name, l.cause, l.created_at
      FROM unnest(%b::uuid[], %b::uuid[]) AS wanted (m, c)
      JOIN ledger l ON l.merchant_id = m AND l.customer_id = c
      JOIN transaction_types t ON t.code = l.type
      JOIN names n ON n.code = l.rule
"""

BY_NUMBER: Final = f"{OF_CUSTOMER} WHERE l.entry = ANY(%b::bigint[]) ORDER BY l.entry"

BY_CAUSE: Final = f"{OF_CUSTOMER} WHERE l.cause = (%b::uuid[])[1] ORDER BY l.entry LIMIT %b"

BY_KEY: Final = """
    SELECT l.entry, l.exp, l.coins
      FROM unnest(%b::uuid[], %b::uuid[]) AS wanted (m, c)
      JOIN ledger l ON l.merchant_id = m AND l.customer_id = c
     WHERE l.idempotency_key = %b
"""

APPEND: Final = """
    INSERT INTO ledger (merchant_id, customer_id, entry, exp, coins, exp_after, coins_after, type,
                        rule, cause, idempotency_key, actor, reverses)
    SELECT m, c, %b, %b, %b, %b, %b, %b, %b, u, %b, %b, %b
      FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[]) AS t (m, c, u)
"""


class Kept(NamedTuple):
    """One entry of a customer's ledger."""

    number: int
    exp: int
    coins: int
    type_code: int
    type: str
    rule: str
    cause: EventId
    created_at: datetime


class Correcting(NamedTuple):
    """An entry to be appended, with what only corrections say."""

    entry: Entry
    correction: Correction
    actor: str


def by_number(tx: Tx, customer: CustomerKey, numbers: Sequence[int]) -> list[Kept]:
    """Those that exist, in their order."""
    found = tx.execute(BY_NUMBER, (*_columns(customer), bigints(numbers)))
    return [Kept._make(row) for row in found.fetchall()]


def by_cause(tx: Tx, customer: CustomerKey, event: EventId, limit: int) -> list[Kept]:
    """What one event brought, in order. Reads all of the customer's entries: for people."""
    found = tx.execute(BY_CAUSE, (*_columns(customer), uuids([event]), limit))
    return [Kept._make(row) for row in found.fetchall()]


def by_key(tx: Tx, customer: CustomerKey, key: str) -> tuple[int, int, int] | None:
    """Number and amounts (EXP, coins) of the entry that has this key already."""
    row = tx.execute(BY_KEY, (*_columns(customer), key)).fetchone()
    return None if row is None else (row[0], row[1], row[2])


def append(tx: Tx, corrections: Sequence[Correcting]) -> None:
    """The unique key is what makes a second payment impossible, whoever forgot to look."""
    for entry, correction, actor in corrections:
        player = entry.player
        amounts = entry.exp, entry.coins, entry.exp_after, entry.coins_after
        said = entry.type_code, entry.rule_code, correction.key, actor, correction.reverses
        ids = uuids([player.merchant_id]), uuids([player.customer_id]), uuids([entry.cause])
        tx.execute(APPEND, (entry.number, *amounts, *said, *ids))


def _columns(customer: CustomerKey) -> tuple[object, object]:
    return uuids([customer[0]]), uuids([customer[1]])
