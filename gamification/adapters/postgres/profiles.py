"""Lock, read and write customers' profiles.

Locks are taken in (merchant, customer) order by everyone. Creating comes before locking and for
all missing ones in that same order, so that two workers that meet new customers cannot wait for
each other in a ring.
"""

from collections.abc import Sequence
from typing import Any, Final

from gamification.adapters.postgres.arrays import (
    bigints,
    bools,
    byteas,
    ints,
    texts,
    uuids,
)
from gamification.adapters.postgres.packing import (
    pack_codes,
    pack_counters,
    pack_stamps,
    pack_windows,
    unpack_codes,
    unpack_counters,
    unpack_stamps,
    unpack_windows,
)
from gamification.adapters.postgres.session import Tx
from gamification.domain.errors import Unavailable
from gamification.domain.ids import CustomerId, MerchantId
from gamification.domain.player import Bucket, BucketKey, Player, Span, day_of, span_of
from gamification.domain.streak import ActiveDays

CustomerKey = tuple[MerchantId, CustomerId]

FIRST_PACKED: Final = 15
"""Columns before it are the first fields of Player, as they are."""

CREATE_MISSING: Final = """
    INSERT INTO profiles (merchant_id, customer_id)
    SELECT * FROM unnest(%b::uuid[], %b::uuid[])
    ON CONFLICT DO NOTHING
"""

EXISTING: Final = """
    SELECT p.merchant_id, p.customer_id
      FROM unnest(%b::uuid[], %b::uuid[]) AS wanted (m, c)
      JOIN profiles AS p ON p.merchant_id = m AND p.customer_id = c
"""

LOCK: Final = """
    SELECT p.merchant_id, p.customer_id, exp, coins, coins_earned, level, level_high, entries,
           current_streak, longest_streak, rulebook, locale, timezone, notify, locale_ever,
           active_from, active_days, badges, counters, windows, settings
      FROM unnest(%b::uuid[], %b::uuid[]) AS wanted (m, c)
      JOIN profiles AS p ON p.merchant_id = m AND p.customer_id = c
     ORDER BY p.merchant_id, p.customer_id
       FOR UPDATE OF p
"""

WRITE: Final = """
    UPDATE profiles AS p
       SET exp = new.exp, coins = new.coins, coins_earned = new.coins_earned, level = new.level,
           level_high = new.level_high, entries = new.entries,
           current_streak = new.current_streak, longest_streak = new.longest_streak,
           active_from = new.active_from, active_days = new.active_days, badges = new.badges,
           counters = new.counters, windows = new.windows, rulebook = new.rulebook
      FROM unnest(%b::uuid[], %b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[], %b::int[],
                  %b::int[], %b::bigint[], %b::int[], %b::int[], %b::int[], %b::bytea[],
                  %b::bytea[], %b::bytea[], %b::bytea[], %b::int[])
           AS new (m, c, exp, coins, coins_earned, level, level_high, entries, current_streak,
                   longest_streak, active_from, active_days, badges, counters, windows, rulebook)
     WHERE p.merchant_id = new.m AND p.customer_id = new.c
"""

WRITE_SETTINGS: Final = """
    UPDATE profiles AS p
       SET locale = new.locale, timezone = new.timezone, notify = new.notify,
           locale_ever = new.locale_ever, settings = new.settings
      FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::bool[], %b::bool[],
                  %b::bytea[])
           AS new (m, c, locale, timezone, notify, locale_ever, settings)
     WHERE p.merchant_id = new.m AND p.customer_id = new.c
"""


def existing(tx: Tx, keys: Sequence[CustomerKey]) -> set[CustomerKey]:
    """Those of `keys` that have a profile. Nothing is locked."""
    tx.execute(EXISTING, (uuids([m for m, _ in keys]), uuids([c for _, c in keys])))
    return {(row[0], row[1]) for row in tx.fetchall()}


def create_missing(tx: Tx, keys: Sequence[CustomerKey]) -> None:
    """Make profiles for those of `keys`, sorted, that have none."""
    tx.execute(CREATE_MISSING, (uuids([m for m, _ in keys]), uuids([c for _, c in keys])))


def lock(tx: Tx, keys: Sequence[CustomerKey]) -> dict[CustomerKey, Player]:
    """Lock and read the profiles of `keys`, sorted and distinct; all of them must exist.

    Raises Unavailable when one is gone: somebody restored or emptied the database under us.
    """
    tx.execute(LOCK, (uuids([m for m, _ in keys]), uuids([c for _, c in keys])))
    players = {(row[0], row[1]): _player(row) for row in tx.fetchall()}
    if len(players) != len(keys):
        raise Unavailable(f"{len(keys) - len(players)} profiles vanished")
    return players


def _player(row: Sequence[Any]) -> Player:
    active_from, active_days, badges, counters, windows, settings = row[FIRST_PACKED:]
    player = Player(*row[:FIRST_PACKED])
    player.active = ActiveDays(active_from, int.from_bytes(active_days, "little"))
    player.badges = unpack_codes(badges)
    player.counters = unpack_counters(counters)
    if settings:
        player.locale_stamp, player.timezone_stamp, player.notify_stamp = unpack_stamps(settings)
    for key, bucket in unpack_windows(windows):
        player.buckets[key] = bucket
        if span_of(key) is Span.WEEK:
            player.newest_week = day_of(key)
        else:
            player.newest_month = day_of(key)
    return player


def newest_windows(player: Player) -> list[tuple[BucketKey, Bucket]]:
    """The newest week and month of `player`: those that are kept in the profile's row."""
    newest: dict[Span, BucketKey] = {}
    for key in player.buckets:
        span = span_of(key)
        if span and key > newest.get(span, -1):
            newest[span] = key
    return [(key, player.buckets[key]) for key in newest.values()]


def write(tx: Tx, players: Sequence[Player]) -> None:
    """Write back what moved of locked profiles, settings apart."""
    if not players:
        return
    tx.execute(
        WRITE,
        (
            uuids([p.merchant_id for p in players]),
            uuids([p.customer_id for p in players]),
            bigints([p.exp for p in players]),
            bigints([p.coins for p in players]),
            bigints([p.coins_earned for p in players]),
            ints([p.level for p in players]),
            ints([p.level_high for p in players]),
            bigints([p.entries for p in players]),
            ints([p.current_streak for p in players]),
            ints([p.longest_streak for p in players]),
            ints([p.active.start for p in players]),
            byteas([_bitmap(p.active) for p in players]),
            byteas([pack_codes(p.badges) for p in players]),
            byteas([pack_counters(p.counters) for p in players]),
            byteas([pack_windows(newest_windows(p)) for p in players]),
            ints([p.rulebook for p in players]),
        ),
    )


def _bitmap(active: ActiveDays) -> bytes:
    return active.bits.to_bytes((active.bits.bit_length() + 7) // 8, "little")


def write_settings(tx: Tx, players: Sequence[Player]) -> None:
    """Write what `customer.updated` changed of locked profiles."""
    if not players:
        return
    tx.execute(
        WRITE_SETTINGS,
        (
            uuids([p.merchant_id for p in players]),
            uuids([p.customer_id for p in players]),
            texts([p.locale for p in players]),
            texts([p.timezone for p in players]),
            bools([p.notify for p in players]),
            bools([p.locale_ever for p in players]),
            byteas(
                [pack_stamps((p.locale_stamp, p.timezone_stamp, p.notify_stamp)) for p in players]
            ),
        ),
    )
