"""What Postgres holds, read with the auditor's own statements."""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final, LiteralString, NamedTuple

import psycopg

from gamification.domain.ids import BadgeId, CustomerId, EventId, MerchantId
from tests.oracle.expected import Person

PAGE: Final = 20_000

LEDGER: Final = """
    SELECT uuid_send(merchant_id), uuid_send(customer_id), entry, exp, coins, exp_after,
           coins_after, t.name, n.name, uuid_send(cause)
      FROM ledger l
      LEFT JOIN transaction_types t ON t.code = l.type
      LEFT JOIN names n ON n.code = l.rule
     ORDER BY merchant_id, customer_id, entry
"""

CORRECTIONS: Final = """
    SELECT uuid_send(merchant_id), uuid_send(customer_id), idempotency_key, exp, coins,
           actor IS NOT NULL, reverses
      FROM ledger WHERE idempotency_key IS NOT NULL OR actor IS NOT NULL OR reverses IS NOT NULL
"""

REVERSED: Final = """
    SELECT uuid_send(l.merchant_id), uuid_send(l.customer_id), l.entry, o.exp, o.coins
      FROM ledger l LEFT JOIN ledger o
        ON (o.merchant_id, o.customer_id, o.entry) = (l.merchant_id, l.customer_id, l.reverses)
     WHERE l.reverses IS NOT NULL AND (o.exp, o.coins) IS DISTINCT FROM (-l.exp, -l.coins)
"""

PROFILES: Final = """
    SELECT uuid_send(merchant_id), uuid_send(customer_id), exp, coins, coins_earned, level,
           level_high, entries, current_streak, longest_streak, active_from, active_days, badges,
           locale, timezone, notify, locale_ever
      FROM profiles
"""

PROCESSED: Final = "SELECT uuid_send(merchant_id), uuid_send(event_id), kind FROM processed_events"

BADGES: Final = """
    SELECT uuid_send(merchant_id), uuid_send(customer_id), badge, uuid_send(cause)
      FROM customer_badges
"""

BOARD_DAYS: Final = """
    SELECT uuid_send(merchant_id), uuid_send(customer_id), day, board_exp
      FROM customer_days WHERE board_exp <> 0
"""

COMPLETIONS: Final = """
    SELECT uuid_send(merchant_id), uuid_send(customer_id), n.name, value
      FROM completions c JOIN names n ON n.code = c.counter
     WHERE starts_with(n.name, 'once:')
"""

PRIZES: Final = """
    SELECT uuid_send(merchant_id), uuid_send(customer_id), n.name, tournament_id, match_id
      FROM payouts p LEFT JOIN names n ON n.code = p.rule
"""

REFUSED: Final = """
    SELECT uuid_send(merchant_id), uuid_send(customer_id), n.name, reason, count(*)
      FROM refused_entries r LEFT JOIN names n ON n.code = r.rule
     GROUP BY 1, 2, 3, 4
"""

OUTBOX: Final = """
    SELECT o.id, t.name, schema_version, key, value, traceparent, letter
      FROM outbox o LEFT JOIN topics t ON t.code = o.topic
     WHERE o.id > %s ORDER BY o.id
"""

DEAD_LETTERS: Final = """
    SELECT id::text, uuid_send(merchant_id), event_id::text, origin_topic, origin_partition,
           origin_offset, reason, detail, attempts, status
      FROM dead_letters
"""

AUDITED: Final = """
    SELECT uuid_send(id), merchant_id::text, actor, action, subject, outcome, details
      FROM audit_logs
"""

NAMES: Final = "SELECT code, name FROM names"

VIEW_SUMS: Final = """
    SELECT (SELECT coalesce(sum(exp), 0) FROM ledger),
           (SELECT coalesce(sum(amount), 0) FROM exp_transactions),
           (SELECT coalesce(sum(coins), 0) FROM ledger),
           (SELECT coalesce(sum(amount), 0) FROM coin_transactions)
"""


class LedgerRow(NamedTuple):
    merchant: MerchantId
    customer: CustomerId
    entry: int
    exp: int
    coins: int
    exp_after: int
    coins_after: int
    type: str | None
    rule: str | None
    cause: EventId


class ProfileRow(NamedTuple):
    merchant: MerchantId
    customer: CustomerId
    exp: int
    coins: int
    coins_earned: int
    level: int
    level_high: int
    entries: int
    current_streak: int
    longest_streak: int
    active_from: int
    active_days: bytes
    badges: bytes
    locale: str | None
    timezone: str | None
    notify: bool
    locale_ever: bool

    @property
    def person(self) -> Person:
        return self.merchant, self.customer

    @property
    def days(self) -> frozenset[date]:
        """The bitmap, little endian, bit 0 being `active_from` days after 1970-01-01."""
        bits = int.from_bytes(self.active_days, "little")
        first = date(1970, 1, 1).toordinal() + self.active_from
        return frozenset(
            date.fromordinal(first + bit) for bit in range(bits.bit_length()) if bits >> bit & 1
        )

    @property
    def badge_codes(self) -> list[int]:
        raw = self.badges
        return [int.from_bytes(raw[at : at + 4]) for at in range(0, len(raw), 4)]


class OutboxRow(NamedTuple):
    id: int
    topic: str
    schema_version: int
    key: bytes | None
    value: bytes | None
    traceparent: str | None
    letter: str | None


class LetterRow(NamedTuple):
    id: str
    merchant: MerchantId
    event_id: str | None
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    attempts: int
    status: str


class AuditRow(NamedTuple):
    id: bytes
    merchant: str
    actor: str
    action: str
    subject: str
    outcome: str
    details: dict[str, str]


class BadgeRow(NamedTuple):
    merchant: MerchantId
    customer: CustomerId
    badge: BadgeId
    cause: EventId


def rows(
    database: psycopg.Connection, statement: LiteralString, *parameters: object
) -> Iterator[tuple[Any, ...]]:
    """All rows, a page at a time, as binary values. Inside a transaction."""
    with database.cursor(name="audit", binary=True) as cursor:
        cursor.itersize = PAGE
        cursor.execute(statement, parameters)
        yield from cursor
