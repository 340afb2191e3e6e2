"""Append what was paid, what was refused, and which prizes are taken."""

from collections.abc import Sequence
from typing import Final

from gamification.adapters.postgres.arrays import bigints, ints, smallints, texts, uuids
from gamification.adapters.postgres.session import Tx
from gamification.domain.effects import Entry, Prize, Refused
from gamification.domain.ids import EventId
from gamification.domain.player import Player, PrizeKey

APPEND: Final = """
    INSERT INTO ledger (merchant_id, customer_id, entry, exp, coins, exp_after, coins_after, type,
                        rule, cause)
    SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[],
                         %b::bigint[], %b::bigint[], %b::smallint[], %b::int[], %b::uuid[])
"""

REFUSE: Final = """
    INSERT INTO refused_entries (merchant_id, customer_id, cause, rule, type, amount, reason)
    SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::int[], %b::smallint[],
                         %b::bigint[], %b::text[])
"""

TAKEN: Final = """
    SELECT n, cause
      FROM unnest(%b::uuid[], %b::uuid[], %b::int[], %b::text[], %b::text[])
           WITH ORDINALITY AS wanted (m, c, r, t, g, n)
      JOIN payouts
        ON merchant_id = m AND customer_id = c AND rule = r AND tournament_id = t AND match_id = g
"""

TAKE: Final = """
    INSERT INTO payouts (merchant_id, customer_id, rule, tournament_id, match_id, cause, amount)
    SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::int[], %b::text[], %b::text[], %b::uuid[],
                         %b::bigint[])
"""


def append(tx: Tx, entries: Sequence[Entry]) -> None:
    if not entries:
        return
    tx.execute(
        APPEND,
        (
            uuids([e.player.merchant_id for e in entries]),
            uuids([e.player.customer_id for e in entries]),
            bigints([e.number for e in entries]),
            bigints([e.exp for e in entries]),
            bigints([e.coins for e in entries]),
            bigints([e.exp_after for e in entries]),
            bigints([e.coins_after for e in entries]),
            smallints([e.type_code for e in entries]),
            ints([e.rule_code for e in entries]),
            uuids([e.cause for e in entries]),
        ),
    )


def refuse(tx: Tx, refused: Sequence[Refused]) -> None:
    """Record entries that were not made, for people and alerts."""
    if not refused:
        return
    tx.execute(
        REFUSE,
        (
            uuids([r.player.merchant_id for r in refused]),
            uuids([r.player.customer_id for r in refused]),
            uuids([r.cause.event_id for r in refused]),
            ints([r.rule_code for r in refused]),
            smallints([r.type_code for r in refused]),
            bigints([r.coins for r in refused]),
            texts([r.reason for r in refused]),
        ),
    )


def read_prizes(tx: Tx, wanted: Sequence[tuple[Player, PrizeKey]]) -> None:
    """Put the prizes that were paid already into their players, who are locked."""
    if not wanted:
        return
    tx.execute(
        TAKEN,
        (
            uuids([p.merchant_id for p, _ in wanted]),
            uuids([p.customer_id for p, _ in wanted]),
            ints([key.rule for _, key in wanted]),
            texts([key.tournament_id for _, key in wanted]),
            texts([key.match_id for _, key in wanted]),
        ),
    )
    for number, cause in tx.fetchall():
        player, key = wanted[number - 1]
        player.prizes[key] = EventId(cause)


def take_prizes(tx: Tx, prizes: Sequence[Prize]) -> None:
    if not prizes:
        return
    tx.execute(
        TAKE,
        (
            uuids([p.player.merchant_id for p in prizes]),
            uuids([p.player.customer_id for p in prizes]),
            ints([p.key.rule for p in prizes]),
            texts([p.key.tournament_id for p in prizes]),
            texts([p.key.match_id for p in prizes]),
            uuids([p.cause.event_id for p in prizes]),
            bigints([p.coins for p in prizes]),
        ),
    )
