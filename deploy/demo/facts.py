"""What the demonstration shows at its end, read from Postgres and Redis as anybody could."""

from typing import Final, NamedTuple, cast

import psycopg
import redis

from deploy.devstack.server import Addresses

PUBLISHED: Final = """
    SELECT t.name, count(*) FROM outbox o JOIN topics t ON t.code = o.topic GROUP BY 1 ORDER BY 1
"""
BADGES: Final = """
    SELECT badge, count(*) FROM customer_badges GROUP BY 1 ORDER BY 2 DESC, 1
"""
TOTALS: Final = """
    SELECT count(*), coalesce(sum(exp), 0), coalesce(sum(coins), 0), coalesce(max(level), 1),
           coalesce(max(longest_streak), 0)
      FROM profiles
"""
REASONS: Final = "SELECT reason, count(*) FROM dead_letters GROUP BY 1 ORDER BY 2 DESC, 1"
EXAMPLES: Final = """
    SELECT DISTINCT ON (reason, origin_topic) reason, detail, origin_topic, origin_partition,
           origin_offset
      FROM dead_letters ORDER BY reason, origin_topic, detail, origin_offset
"""
STANDINGS: Final = """
    SELECT customer_id::text, level, coins, longest_streak,
           (SELECT count(*) FROM customer_badges b
             WHERE b.merchant_id = p.merchant_id AND b.customer_id = p.customer_id)
      FROM profiles p WHERE merchant_id = %s AND customer_id = ANY(%s::uuid[])
"""
SET_TIMEZONE: Final = """
    INSERT INTO merchants (merchant_id, timezone) VALUES (%s, %s)
    ON CONFLICT (merchant_id) DO UPDATE SET timezone = excluded.timezone
"""


class Totals(NamedTuple):
    customers: int
    exp: int
    coins: int
    highest_level: int
    longest_streak: int


class Letter(NamedTuple):
    reason: str
    detail: str
    topic: str
    partition: int
    offset: int


class Place(NamedTuple):
    rank: int
    customer: str
    exp: int
    level: int
    coins: int
    longest_streak: int
    badges: int


class Facts(NamedTuple):
    published: dict[str, int]
    badges: dict[str, int]
    totals: Totals
    reasons: dict[str, int]
    letters: list[Letter]
    leaderboard: list[Place]


def gather(addresses: Addresses, merchant: str, places: int) -> Facts:
    """`merchant`: whose leaderboard is shown."""
    with psycopg.connect(addresses.postgres_dsn) as database:
        totals = database.execute(TOTALS).fetchone() or (0, 0, 0, 1, 0)
        return Facts(
            published=dict(database.execute(PUBLISHED).fetchall()),
            badges=dict(database.execute(BADGES).fetchall()),
            totals=Totals(*map(int, totals)),
            reasons=dict(database.execute(REASONS).fetchall()),
            letters=[Letter(*row) for row in database.execute(EXAMPLES)],
            leaderboard=_leaderboard(addresses, database, merchant, places),
        )


def set_timezones(dsn: str, timezones: dict[str, str | None]) -> None:
    """Merchants before their first event, as an operator sets them up. By merchant's id."""
    with psycopg.connect(dsn) as database, database.cursor() as cursor:
        cursor.executemany(SET_TIMEZONE, list(timezones.items()))


def _leaderboard(
    addresses: Addresses, database: psycopg.Connection, merchant: str, places: int
) -> list[Place]:
    """Ranks and scores from Redis, the rest from Postgres. Equal scores share the better rank."""
    client = redis.Redis.from_url(addresses.redis_url)
    try:
        found = client.zrange(f"leaderboard:{merchant}", 0, places - 1, desc=True, withscores=True)
    finally:
        client.close()
    best = [
        (member.decode(), int(score)) for member, score in cast("list[tuple[bytes, float]]", found)
    ]
    rows = database.execute(STANDINGS, (merchant, [customer for customer, _exp in best]))
    standings = {row[0]: row[1:] for row in rows}
    scores = [exp for _customer, exp in best]
    return [
        Place(scores.index(exp) + 1, customer, exp, *standings[customer]) for customer, exp in best
    ]
