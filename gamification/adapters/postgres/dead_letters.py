"""The index over `gamification.dlq`: one row a letter, without its payload."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from gamification.adapters.postgres.arrays import bigints, byteas, ints, texts, uuids
from gamification.adapters.postgres.session import Tx
from gamification.domain.ids import DEFAULT_MERCHANT, MerchantId
from gamification.wire.dead_letter import letter_id, one_line
from gamification.wire.envelope import DeadLetter

PARK: Final = """
    INSERT INTO dead_letters (merchant_id, id, event_id, origin_topic, origin_partition,
                              origin_offset, reason, detail, attempts, first_failed_at)
    SELECT m, i, encode(e, 'hex')::uuid, t, p, o, r, d, a,
           to_timestamp(f / 1000.0)
      FROM unnest(%b::uuid[], %b::uuid[], %b::bytea[], %b::text[], %b::int[], %b::bigint[],
                  %b::text[], %b::text[], %b::int[], %b::bigint[])
           AS t (m, i, e, t, p, o, r, d, a, f)
    ON CONFLICT DO NOTHING
    RETURNING id
"""

RESOLVE: Final = """
    UPDATE dead_letters d SET status = 'resolved', changed_at = clock_timestamp()
      FROM unnest(%b::uuid[], %b::uuid[]) AS done (m, i)
     WHERE d.merchant_id = m AND d.id = i AND status <> 'resolved'
"""


def park(tx: Tx, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Index letters; return those that are new, which this transaction must put into the outbox.

    The others are there already: somebody sent the same record to the replay topic twice.
    """
    if not letters:
        return []
    # In one order, so that two who park the same letters cannot wait for each other in a circle.
    letters = sorted(letters, key=_id)
    tx.execute(
        PARK,
        (
            uuids([letter.merchant_id or DEFAULT_MERCHANT for letter in letters]),
            uuids([_id(letter) for letter in letters]),
            byteas([letter.event_id for letter in letters]),
            texts([letter.origin.topic for letter in letters]),
            ints([letter.origin.partition for letter in letters]),
            bigints([letter.origin.offset for letter in letters]),
            texts([letter.reason for letter in letters]),
            texts([one_line(letter.detail) for letter in letters]),
            ints([letter.attempts for letter in letters]),
            bigints([letter.first_failed_ms for letter in letters]),
        ),
    )
    new = {row[0] for row in tx.fetchall()}
    found: list[DeadLetter] = []
    for letter in letters:
        if (name := _id(letter)) in new:
            new.discard(name)
            found.append(letter)
    return sorted(found, key=attrgetter("source"))


def resolve(tx: Tx, keys: Sequence[tuple[MerchantId, bytes]]) -> None:
    """What these letters held has been counted, or was before."""
    if not keys:
        return
    # A letter of which nobody could read the merchant is the nil UUID's.
    either = sorted({*keys, *((DEFAULT_MERCHANT, letter) for _, letter in keys)})
    tx.execute(RESOLVE, (uuids([owner for owner, _ in either]), uuids([i for _, i in either])))


def _id(letter: DeadLetter) -> bytes:
    return bytes.fromhex(letter_id(letter.origin, letter.attempts).replace("-", ""))
