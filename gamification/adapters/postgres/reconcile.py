"""Where tables that say the same thing twice contradict each other, a page of customers at a time.

Every statement sees one moment, so what is being awarded meanwhile is never a contradiction.
"""

from collections.abc import Iterator, Sequence
from typing import Final, LiteralString, NamedTuple

from gamification.adapters.postgres.arrays import bigints, register
from gamification.adapters.postgres.connection import Database, connect
from gamification.adapters.postgres.errors import translated
from gamification.adapters.postgres.packing import unpack_codes
from gamification.adapters.postgres.session import Tx
from gamification.domain.ids import CustomerId, EventId, MerchantId, uuid_text

NAME: Final = "gamification-reconcile"
PAGE_CUSTOMERS: Final = 500
SETTINGS: Final = {
    # A page joins customers' ranges of big tables: the index is right, and it may take its time.
    "enable_seqscan": "off",
    "statement_timeout": "120s",
    "default_transaction_read_only": "on",
}

PAGE_LAST: Final = """
    SELECT customer_id FROM profiles
     WHERE merchant_id = %(merchant)s::uuid AND customer_id >= %(first)s::uuid
     ORDER BY customer_id OFFSET %(size)s - 1 LIMIT 1
"""

OF_PAGE: Final = """
    merchant_id = %(merchant)s::uuid
    AND customer_id BETWEEN %(first)s::uuid AND %(last)s::uuid
"""

BALANCES: Final[LiteralString] = f"""
    WITH kept AS (
        SELECT customer_id, sum(exp)::bigint AS exp, sum(coins)::bigint AS coins,
               coalesce(sum(coins) FILTER (WHERE type IN (1, 2)), 0)::bigint AS coins_earned,
               count(*) AS entries, bool_and(chained) AS chained
          FROM (SELECT customer_id, exp, coins, type,
                       entry = row_number() OVER w
                       AND exp_after = sum(exp) OVER w
                       AND coins_after = sum(coins) OVER w AS chained
                  FROM ledger WHERE {OF_PAGE}
                WINDOW w AS (PARTITION BY customer_id ORDER BY entry)) AS entries
         GROUP BY customer_id
    ), held AS (
        SELECT customer_id, string_agg(int4send(n.code), ''::bytea ORDER BY n.code) AS badges,
               bool_or(n.code IS NULL) AS nameless
          FROM customer_badges b LEFT JOIN names n ON n.name = 'badge:' || b.badge
         WHERE {OF_PAGE}
         GROUP BY customer_id
    ), looked AS (
        SELECT customer_id, p.customer_id IS NOT NULL AS is_known,
               ARRAY[p.exp, p.coins, p.coins_earned, p.entries] AS said,
               ARRAY[coalesce(k.exp, 0), coalesce(k.coins, 0), coalesce(k.coins_earned, 0),
                     coalesce(k.entries, 0)] AS summed,
               coalesce(k.chained, true) AS chained,
               p.level, p.level_high,
               CASE WHEN p.rulebook = %(mark)s
                    THEN width_bucket(p.exp, %(thresholds)b::bigint[]) END AS level_of_exp,
               coalesce(p.badges, '') = coalesce(h.badges, '') AND NOT coalesce(h.nameless, false)
                   AS same_badges
          FROM (SELECT * FROM profiles WHERE {OF_PAGE}) AS p
          FULL JOIN kept AS k USING (customer_id)
          FULL JOIN held AS h USING (customer_id)
    )
    SELECT * FROM looked
     WHERE NOT is_known OR said <> summed OR NOT chained OR NOT same_badges
        OR level <> level_of_exp OR level > level_high
     ORDER BY customer_id
"""  # noqa: S608 - of constants

CAUSES: Final[LiteralString] = f"""
    SELECT customer_id, cause, 'entry ' || entry AS what FROM ledger AS l
     WHERE {OF_PAGE} AND idempotency_key IS NULL AND NOT EXISTS (
           SELECT FROM processed_events AS e
            WHERE e.merchant_id = l.merchant_id AND e.event_id = l.cause)
     UNION ALL
    SELECT customer_id, cause, 'badge ' || badge FROM customer_badges AS b
     WHERE {OF_PAGE} AND NOT EXISTS (
           SELECT FROM processed_events AS e
            WHERE e.merchant_id = b.merchant_id AND e.event_id = b.cause)
     ORDER BY 1, 3
"""  # noqa: S608 - of constants

CALLED: Final[LiteralString] = f"""
    SELECT customer_id, badge, NULL::uuid FROM customer_badges WHERE {OF_PAGE}
     UNION ALL
    SELECT customer_id, NULL, cause FROM ledger WHERE {OF_PAGE} AND idempotency_key IS NOT NULL
"""  # noqa: S608 - of constants
"""What stands for a cause that is no event: a badge that was given, a correction."""

CUSTOMERS: Final = f"SELECT count(*) FROM profiles WHERE {OF_PAGE}"  # noqa: S608

DERIVED: Final = """
    SELECT coalesce(sum(exp), 0)::bigint, coalesce(sum(coins), 0)::bigint,
           coalesce(sum(coins) FILTER (WHERE type IN (1, 2)), 0)::bigint, count(*),
           coalesce(bool_and(chained), true),
           coalesce((SELECT string_agg(int4send(n.code), ''::bytea ORDER BY n.code)
                       FROM customer_badges b JOIN names n ON n.name = 'badge:' || b.badge
                      WHERE b.merchant_id = %(merchant)s::uuid
                        AND b.customer_id = %(customer)s::uuid), ''::bytea)
      FROM (SELECT exp, coins, type,
                   entry = row_number() OVER w
                   AND exp_after = sum(exp) OVER w
                   AND coins_after = sum(coins) OVER w AS chained
              FROM ledger
             WHERE merchant_id = %(merchant)s::uuid AND customer_id = %(customer)s::uuid
            WINDOW w AS (ORDER BY entry)) AS entries
"""

MARKS: Final = "SELECT code FROM names WHERE name LIKE 'rulebook:%'"


class Page(NamedTuple):
    """Customers from the first one to the last one."""

    merchant_id: MerchantId
    first: bytes
    last: bytes

    def parameters(self) -> dict[str, object]:
        return {
            "merchant": uuid_text(self.merchant_id),
            "first": uuid_text(self.first),
            "last": uuid_text(self.last),
        }


class Contradiction(NamedTuple):
    """One customer whose profile and ledger, level or badges do not agree."""

    customer_id: CustomerId
    is_known: bool
    """Whether there is a profile at all; the fields of it are None without."""
    said: list[int] | None
    """EXP, coins, coins earned and number of entries, by the profile."""
    summed: list[int]
    """The same, by the ledger."""
    chained: bool
    """Whether the ledger's numbers and running balances are right."""
    level: int | None
    level_high: int | None
    level_of_exp: int | None
    """None when the customer was not looked at under the rulebook in force."""
    same_badges: bool


class Derived(NamedTuple):
    """What a profile must say."""

    exp: int
    coins: int
    coins_earned: int
    entries: int
    chained: bool
    """Whether the ledger's numbers and running balances are right, so that it can be trusted."""
    badges: set[int]
    """Codes."""


class Uncaused(NamedTuple):
    """An entry or a badge whose cause is no event that was counted."""

    customer_id: CustomerId
    cause: EventId
    what: str


def open_reconciling(dsn: str) -> Database:
    """A connection that only reads. Raises Unavailable or Halt."""
    database = connect(dsn, NAME, SETTINGS)
    register(database)
    return database


def pages(database: Database, merchant_id: MerchantId) -> Iterator[Page]:
    """All possible customers of a merchant, a bounded number of profiles at a time."""
    first, end = bytes(16), b"\xff" * 16
    last = b""
    while last < end:
        asked = {
            "merchant": uuid_text(merchant_id),
            "first": uuid_text(first),
            "size": PAGE_CUSTOMERS,
        }
        with translated():
            row = database.execute(PAGE_LAST, asked, binary=True).fetchone()
        last = row[0] if row else end
        yield Page(merchant_id, first, last)
        first = (int.from_bytes(last) + 1).to_bytes(17)[1:]


def contradictions(
    database: Database, page: Page, mark: int, thresholds: Sequence[int]
) -> list[Contradiction]:
    """`thresholds`: EXP of each level under the rulebook with this mark. Raises Unavailable."""
    asked = {**page.parameters(), "mark": mark, "thresholds": bigints(thresholds)}
    with translated():
        rows = database.execute(BALANCES, asked, binary=True).fetchall()
    return [Contradiction._make(row) for row in rows]


def customers(database: Database, page: Page) -> int:
    """How many have a profile. Raises Unavailable."""
    with translated():
        row = database.execute(CUSTOMERS, page.parameters()).fetchone()
    return row[0] if row else 0


def uncaused(database: Database, page: Page) -> list[Uncaused]:
    """Raises Unavailable."""
    with translated():
        rows = database.execute(CAUSES, page.parameters(), binary=True).fetchall()
    return [Uncaused._make(row) for row in rows]


def called(database: Database, page: Page) -> list[tuple[CustomerId, str | None, EventId | None]]:
    """By customer: badges held, and causes of corrections. Raises Unavailable."""
    with translated():
        return database.execute(CALLED, page.parameters(), binary=True).fetchall()


def derived(tx: Tx, merchant_id: MerchantId, customer_id: CustomerId) -> Derived:
    """What one customer's profile must say, by ledger and badges. The profile is locked."""
    asked = {"merchant": uuid_text(merchant_id), "customer": uuid_text(customer_id)}
    row = tx.execute(DERIVED, asked).fetchone()
    exp, coins, earned, entries, chained, codes = row or (0, 0, 0, 0, True, b"")
    return Derived(exp, coins, earned, entries, chained, unpack_codes(codes))


def marks(database: Database) -> list[int]:
    """Of every rulebook that ever was. Raises Unavailable."""
    with translated():
        return [row[0] for row in database.execute(MARKS)]
