"""Members of customers' sets: what was completed once, and distinct values that badges count."""

from collections.abc import Sequence
from typing import Final

from gamification.adapters.postgres.arrays import bigints, dates, ints, texts, uuids
from gamification.adapters.postgres.session import Tx
from gamification.domain.player import Member, MemberKey, Player

READ: Final = """
    SELECT n, board_day, exp
      FROM unnest(%b::uuid[], %b::uuid[], %b::int[], %b::date[], %b::text[])
           WITH ORDINALITY AS wanted (m, c, k, s, v, n)
      JOIN completions
        ON merchant_id = m AND customer_id = c AND counter = k AND since = s AND value = v
"""

WRITE: Final = """
    INSERT INTO completions (merchant_id, customer_id, counter, since, value, board_day, exp)
    SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::int[], %b::date[], %b::text[], %b::date[],
                         %b::bigint[])
    ON CONFLICT (merchant_id, customer_id, counter, since, value)
    DO UPDATE SET board_day = excluded.board_day
"""


def read(tx: Tx, wanted: Sequence[tuple[Player, MemberKey]]) -> None:
    """Put the members that exist into their players, who are locked."""
    if not wanted:
        return
    tx.execute(
        READ,
        (
            uuids([p.merchant_id for p, _ in wanted]),
            uuids([p.customer_id for p, _ in wanted]),
            ints([key.counter for _, key in wanted]),
            dates([key.since for _, key in wanted]),
            texts([key.value for _, key in wanted]),
        ),
    )
    for number, board_day, exp in tx.fetchall():
        player, key = wanted[number - 1]
        player.members[key] = Member(board_day, exp)


def write(tx: Tx, players: Sequence[Player]) -> None:
    """Write the members that are new or whose earliest day moved."""
    moved = [
        (player, key, member)
        for player in players
        for key, member in player.members.items()
        if member.dirty
    ]
    if not moved:
        return
    tx.execute(
        WRITE,
        (
            uuids([p.merchant_id for p, _, _ in moved]),
            uuids([p.customer_id for p, _, _ in moved]),
            ints([key.counter for _, key, _ in moved]),
            dates([key.since for _, key, _ in moved]),
            texts([key.value for _, key, _ in moved]),
            dates([member.board_day for _, _, member in moved]),
            bigints([member.exp for _, _, member in moved]),
        ),
    )
