"""Current totals for leaderboards, already packed into the text that Redis unpacks."""

from collections.abc import Mapping
from datetime import date
from typing import Final, LiteralString, NamedTuple, Self, assert_never

from gamification.adapters.postgres.connection import Database, connect
from gamification.adapters.postgres.errors import translated
from gamification.domain.board import ONLY_TOTAL, Board, Period, Totals, oldest_kept
from gamification.domain.ids import MerchantId, uuid_text

PLANNER: Final = {
    # A round joins some thousand keys with big tables: the index is always right here.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    # Statements here take milliseconds, and a stop must not wait for one that hangs.
    "statement_timeout": "5s",
    # A leader whose machine vanished must not keep the lock for hours.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}

FIRST_CUSTOMER: Final = bytes(16)
LAST_CUSTOMER: Final = b"\xff" * 16

MOVED_TOTALS: Final[LiteralString] = """
    WITH moved AS MATERIALIZED (
        SELECT DISTINCT m.merchant_id, m.customer_id
          FROM changes c
         CROSS JOIN LATERAL unnest(c.merchant_ids, c.customer_ids) AS m (merchant_id, customer_id)
         WHERE c.id > %(after)s AND c.id <= %(until)s
    )
    SELECT moved.merchant_id,
           'e',
           DATE '1970-01-01',
           count(*),
           string_agg(coalesce(p.exp, 0) || ' ' || moved.customer_id, ' ')
      FROM moved LEFT JOIN profiles p USING (merchant_id, customer_id)
     GROUP BY moved.merchant_id
"""

MOVED_PERIODS: Final[LiteralString] = """
    WITH moved AS MATERIALIZED (
        SELECT DISTINCT m.merchant_id, m.customer_id, m.day
          FROM changes c
         CROSS JOIN LATERAL unnest(c.merchant_ids, c.customer_ids, c.board_days)
                    AS m (merchant_id, customer_id, day)
         WHERE c.id > %(after)s AND c.id <= %(until)s AND m.day >= %(oldest)s
    ), dated AS MATERIALIZED (
        SELECT *,
               date_trunc('week', day::timestamp)::date AS week,
               date_trunc('month', day::timestamp)::date AS month,
               (date_trunc('month', day::timestamp) + interval '1 month')::date AS next_month
          FROM moved
    ), summed AS (
        SELECT dated.*, sums.*
          FROM dated
         CROSS JOIN LATERAL (
                   SELECT sum(d.board_exp) FILTER (WHERE d.day = dated.day) AS on_day,
                          sum(d.board_exp) FILTER (WHERE d.day >= dated.week
                                                     AND d.day < dated.week + 7) AS in_week,
                          sum(d.board_exp) FILTER (WHERE d.day >= dated.month
                                                     AND d.day < dated.next_month) AS in_month
                     FROM customer_days d
                    WHERE d.merchant_id = dated.merchant_id
                      AND d.customer_id = dated.customer_id
                      AND d.day >= least(dated.week, dated.month)
                      AND d.day < greatest(dated.week + 7, dated.next_month)
                      AND d.span = 0) AS sums
    )
    SELECT merchant_id, p.period, p.start, count(*),
           string_agg(greatest(coalesce(p.exp, 0), 0) || ' ' || customer_id, ' ')
      FROM summed
     CROSS JOIN LATERAL (VALUES ('d', day, on_day, %(oldest_day)s::date),
                                ('w', week, in_week, %(oldest_week)s::date),
                                ('m', month, in_month, %(oldest_month)s::date)
                        ) AS p (period, start, exp, oldest)
     WHERE p.start >= p.oldest
     GROUP BY merchant_id, p.period, p.start
"""

MERCHANTS: Final = """
    WITH RECURSIVE found AS (
        (SELECT merchant_id FROM profiles ORDER BY merchant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT p.merchant_id FROM profiles p
                 WHERE p.merchant_id > found.merchant_id ORDER BY p.merchant_id LIMIT 1)
          FROM found WHERE found.merchant_id IS NOT NULL
    )
    SELECT merchant_id FROM found WHERE merchant_id IS NOT NULL
"""

PAGE_LAST: Final = """
    SELECT customer_id FROM profiles
     WHERE merchant_id = %(merchant)s::uuid AND customer_id >= %(first)s::uuid
     ORDER BY customer_id OFFSET %(size)s - 1 LIMIT 1
"""

PAGE_TOTALS: Final[LiteralString] = """
    SELECT %(merchant)s::uuid, 'e', DATE '1970-01-01', count(*),
           coalesce(string_agg(exp || ' ' || customer_id, ' '), '')
      FROM profiles
     WHERE merchant_id = %(merchant)s::uuid
       AND customer_id BETWEEN %(first)s::uuid AND %(last)s::uuid
       AND exp > 0
"""

PAGE_PERIODS: Final[LiteralString] = """
    SELECT %(merchant)s::uuid, period, start, count(*), string_agg(exp || ' ' || customer_id, ' ')
      FROM (SELECT customer_id, period, start, sum(board_exp)::bigint AS exp
              FROM customer_days
             CROSS JOIN LATERAL (
                       VALUES ('d', day, %(oldest_day)s::date),
                              ('w', date_trunc('week', day::timestamp)::date,
                                    %(oldest_week)s::date),
                              ('m', date_trunc('month', day::timestamp)::date,
                                    %(oldest_month)s::date)
                   ) AS p (period, start, oldest)
             WHERE merchant_id = %(merchant)s::uuid
               AND customer_id BETWEEN %(first)s::uuid AND %(last)s::uuid
               AND day >= %(oldest)s AND span = 0 AND board_exp <> 0
               AND start >= oldest
             GROUP BY customer_id, period, start) AS sums
     WHERE exp > 0
     GROUP BY period, start
"""


class Kept(NamedTuple):
    """The first start of each period whose board is still kept.

    `day` alone tells them all apart: it moves back when the clock does, or when boards are to be
    kept for longer.
    """

    day: date
    week: date
    month: date

    @classmethod
    def on(cls, today: date, keep_days: int) -> Self:
        """`today` is UTC's."""
        periods = (Period.DAY, Period.WEEK, Period.MONTH)
        return cls(*(oldest_kept(period, today, keep_days) for period in periods))

    def holds(self, board: Board) -> bool:
        match board.period:
            case Period.EVER:
                return True
            case Period.DAY:
                return board.start >= self.day
            case Period.WEEK:
                return board.start >= self.week
            case Period.MONTH:
                return board.start >= self.month
            case _:
                assert_never(board.period)

    def parameters(self) -> dict[str, object]:
        return {
            "oldest": max(min(self), ONLY_TOTAL.replace(day=2)),
            "oldest_day": self.day,
            "oldest_week": self.week,
            "oldest_month": self.month,
        }


def open_boards(dsn: str, name: str) -> Database:
    """A connection planned for these statements. Raises Unavailable or Halt."""
    database = connect(dsn, name, PLANNER)
    database.prepare_threshold = 1
    return database


def moved(database: Database, after: int, until: int, kept: Kept) -> dict[Board, Totals]:
    """Current totals of all whom changes after `after` up to `until` moved, by board.

    Never older than change `until`; possibly newer. Raises Unavailable or Halt.
    """
    parameters = {"after": after, "until": until, **kept.parameters()}
    found = _packed(database, MOVED_TOTALS, parameters)
    return found | _packed(database, MOVED_PERIODS, parameters)


def merchants(database: Database) -> list[MerchantId]:
    """Everyone who has a customer. Raises Unavailable or Halt."""
    with translated():
        return [MerchantId(row[0]) for row in database.execute(MERCHANTS, binary=True)]


def page(
    database: Database, merchant_id: MerchantId, first: bytes, size: int, kept: Kept
) -> tuple[dict[Board, Totals], bytes | None]:
    """All places of the next `size` customers from `first` on, and where the next page begins.

    None after the last page. Raises Unavailable or Halt.
    """
    parameters: dict[str, object] = {
        "merchant": uuid_text(merchant_id),
        "first": uuid_text(first),
        "size": size,
    }
    with translated():
        row = database.execute(PAGE_LAST, parameters, binary=True).fetchone()
    last = row[0] if row else LAST_CUSTOMER
    parameters |= {"last": uuid_text(last), **kept.parameters()}
    found = _packed(database, PAGE_TOTALS, parameters)
    found |= _packed(database, PAGE_PERIODS, parameters)
    following = (int.from_bytes(last) + 1).to_bytes(16) if last < LAST_CUSTOMER else None
    return {board: totals for board, totals in found.items() if totals.places}, following


def _packed(
    database: Database, statement: LiteralString, parameters: Mapping[str, object]
) -> dict[Board, Totals]:
    with translated():
        rows = database.execute(statement, parameters, binary=True).fetchall()
    return {
        Board(MerchantId(merchant), Period(period), start): Totals(packed, places)
        for merchant, period, start, places, packed in rows
    }
