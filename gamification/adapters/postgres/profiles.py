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
    unpack_codes,
    unpack_counters,
    unpack_stamps,
)
from gamification.adapters.postgres.session import Tx
from gamification.domain.errors import Unavailable
from gamification.domain.ids import CustomerId, MerchantId
from gamification.domain.player import Player
from gamification.domain.streak import ActiveDays

CustomerKey = tuple[MerchantId, CustomerId]

CREATE_MISSING: Final = """
    INSERT INTO profiles (merchant_id, customer_id)
    SELECT * FROM unnest(%b::uuid[], %b::uuid[])
    ON CONFLICT DO NOTHING
"""

LOCK: Final = """
    SELECT p.merchant_id, p.customer_id, exp, coins, coins_earned, level, level_high, entries,
           current_streak, longest_streak, active_from, active_days, badges, counters, rulebook,
           locale, timezone, notify, locale_ever, settings
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
           counters = new.counters, rulebook = new.rulebook
      FROM unnest(%b::uuid[], %b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[], %b::int[],
                  %b::int[], %b::bigint[], %b::int[], %b::int[], %b::int[], %b::bytea[],
                  %b::bytea[], %b::bytea[], %b::int[])
           AS new (m, c, exp, coins, coins_earned, level, level_high, entries, current_streak,
                   longest_streak, active_from, active_days, badges, counters, rulebook)
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
    locale_stamp, timezone_stamp, notify_stamp = unpack_stamps(row[19])
    return Player(
        merchant_id=row[0],
        customer_id=row[1],
        exp=row[2],
        coins=row[3],
        coins_earned=row[4],
        level=row[5],
        level_high=row[6],
        entries=row[7],
        current_streak=row[8],
        longest_streak=row[9],
        active=ActiveDays(row[10], int.from_bytes(row[11], "little")),
        badges=unpack_codes(row[12]),
        counters=unpack_counters(row[13]),
        rulebook=row[14],
        locale=row[15],
        timezone=row[16],
        notify=row[17],
        locale_ever=row[18],
        locale_stamp=locale_stamp,
        timezone_stamp=timezone_stamp,
        notify_stamp=notify_stamp,
    )


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
