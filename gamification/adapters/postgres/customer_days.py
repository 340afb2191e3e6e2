"""What caps, windows and boards keep of customers' days, weeks and months."""

from collections.abc import Iterator, Sequence
from typing import Final

from gamification.adapters.postgres.arrays import bigints, byteas, dates, smallints, uuids
from gamification.adapters.postgres.packing import pack_counters, unpack_counters
from gamification.adapters.postgres.profiles import newest_windows
from gamification.adapters.postgres.session import Tx
from gamification.domain.player import Bucket, BucketKey, Player, Span, bucket_key, day_of

READ: Final = """
    SELECT n, board_exp, counters
      FROM unnest(%b::uuid[], %b::uuid[], %b::date[], %b::smallint[])
           WITH ORDINALITY AS wanted (m, c, d, s, n)
      JOIN customer_days
        ON merchant_id = m AND customer_id = c AND day = d AND span = s
"""

WRITE: Final = """
    INSERT INTO customer_days AS kept (merchant_id, customer_id, day, span, board_exp, counters)
    SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::date[], %b::smallint[], %b::bigint[],
                         %b::bytea[])
    ON CONFLICT (merchant_id, customer_id, day, span)
    DO UPDATE SET board_exp = excluded.board_exp, counters = excluded.counters
"""


def read(tx: Tx, wanted: Sequence[tuple[Player, BucketKey]]) -> None:
    """Put the buckets that exist into their players, who are locked."""
    if not wanted:
        return
    tx.execute(
        READ,
        (
            uuids([p.merchant_id for p, _ in wanted]),
            uuids([p.customer_id for p, _ in wanted]),
            dates([day_of(key) for _, key in wanted]),
            smallints([key & 3 for _, key in wanted]),
        ),
    )
    for number, board_exp, counters in tx.fetchall():
        player, key = wanted[number - 1]
        player.buckets[key] = Bucket(unpack_counters(counters), board_exp)


def write(tx: Tx, players: Sequence[Player]) -> None:
    """Write back every bucket that moved, but for the newest weeks and months.

    Those are kept in the profiles; one that was the newest and is not any more becomes a row.
    """
    moved = [row for player in players for row in _rows(player)]
    if not moved:
        return
    tx.execute(
        WRITE,
        (
            uuids([p.merchant_id for p, _, _ in moved]),
            uuids([p.customer_id for p, _, _ in moved]),
            dates([day_of(key) for _, key, _ in moved]),
            smallints([key & 3 for _, key, _ in moved]),
            bigints([bucket.board_exp for _, _, bucket in moved]),
            byteas([pack_counters(bucket.counters) for _, _, bucket in moved]),
        ),
    )


def _rows(player: Player) -> Iterator[tuple[Player, BucketKey, Bucket]]:
    in_profile = {key for key, _ in newest_windows(player)}
    was_newest = {
        bucket_key(player.newest_week, Span.WEEK),
        bucket_key(player.newest_month, Span.MONTH),
    }
    for key, bucket in player.buckets.items():
        if key not in in_profile and (bucket.dirty or key in was_newest):
            yield player, key, bucket
