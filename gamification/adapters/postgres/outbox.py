"""The last step of every transaction: what Kafka and Redis must hear of it.

Ids in the order of insertion are not ids in the order of commits: a reader that goes on from the
last id it saw would lose rows of a transaction that commits late. So everyone takes one lock
before inserting and holds it to the commit, and `id > last` is safe.
"""

from collections.abc import Sequence
from typing import Final

from gamification.adapters.postgres.arrays import byteas, dates, smallints, texts, uuids
from gamification.adapters.postgres.session import Tx
from gamification.domain.player import Player
from gamification.wire.envelope import OutboxRow

TOPIC_CODES: Final = {
    "badge.awarded": 1,
    "badge.task": 2,
    "badge.earned": 3,
    "level.up": 4,
    "streak.updated": 5,
    "reward.redeemed": 6,
    "cache.invalidate": 7,
    "leaderboard.refresh": 8,
    "audit_log": 9,
    "gamification.dlq": 10,
    "gamification.replay": 11,
}
"""As in table `topics`."""

APPEND_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('gamification_append'), 0)"

APPEND: Final = """
    WITH told AS (
        INSERT INTO outbox (topic, schema_version, key, value, traceparent, letter)
        SELECT * FROM unnest(%b::smallint[], %b::smallint[], %b::bytea[], %b::bytea[], %b::text[],
                             %b::text[])
    ), changed AS (
        INSERT INTO changes (merchant_ids, customer_ids, board_days)
        SELECT m, c, d FROM (VALUES (%b::uuid[], %b::uuid[], %b::date[])) AS moved (m, c, d)
         WHERE cardinality(m) > 0
    )
    SELECT pg_notify('gamification_outbox', ''), pg_notify('gamification_changes', '')
"""
"""One statement: in a small batch each one costs more than its rows."""

TOTAL_ONLY: Final = 0
"""1970-01-01 in `changes.board_days`: only the total moved."""


def append(tx: Tx, rows: Sequence[OutboxRow], changed: Sequence[Player]) -> None:
    """Insert announcements, dead letters and one change row; wake who waits for them."""
    if not rows and not changed:
        return
    tx.execute(APPEND_LOCK)
    moved = [(player, day) for player in changed for day in (player.board_days or (TOTAL_ONLY,))]
    tx.execute(
        APPEND,
        (
            smallints([TOPIC_CODES[row.topic] for row in rows]),
            smallints([row.schema_version for row in rows]),
            byteas([row.key for row in rows]),
            byteas([row.value for row in rows]),
            texts([row.traceparent for row in rows]),
            texts([row.letter for row in rows]),
            uuids([player.merchant_id for player, _ in moved]),
            uuids([player.customer_id for player, _ in moved]),
            dates([day for _, day in moved]),
        ),
    )
