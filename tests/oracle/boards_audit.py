"""Invariant 4: every board in Redis is what one would build from Postgres now."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, cast
from uuid import UUID

import psycopg
import redis

from tests.oracle import postgres_rows as sql
from tests.oracle.report import Invariant, Report

BOARDS = Invariant.BOARDS
EVERY_BOARD: Final = "leaderboard:*"
SCAN_KEYS: Final = 1_000

TOTALS: Final = """
    SELECT uuid_send(merchant_id), uuid_send(customer_id), exp FROM profiles WHERE exp > 0
"""

DAYS: Final = """
    SELECT uuid_send(merchant_id), uuid_send(customer_id), day, sum(board_exp)::bigint
      FROM customer_days WHERE span = 0
     GROUP BY merchant_id, customer_id, day
"""

Board = dict[str, int]


def compare_boards(
    database: psycopg.Connection, client: "redis.Redis", kept_days: int, report: Report
) -> None:
    """Boards that must be there are, and whatever is there is right.

    A period's board may be gone `kept_days` after the period's end, and may also still be there.
    """
    today = datetime.now(UTC).date()
    rebuilt = {name: board for name, board in _rebuilt(database) if board}
    kept = {
        name: board for name, board in rebuilt.items() if not _may_be_gone(name, today, kept_days)
    }
    found = {
        bytes(name).decode(): _board(client, name)
        for name in client.scan_iter(match=EVERY_BOARD, count=SCAN_KEYS)
    }
    report.count(BOARDS, "boards", len(found.keys() | kept.keys()))
    for name in sorted(found.keys() | kept.keys()):
        want = rebuilt.get(name)
        if want is None:
            report.differ(BOARDS, f"{name}: should not be; it has {len(found[name])} places")
        elif name not in found:
            report.differ(BOARDS, f"{name}: is missing; it should have {len(want)} places")
        else:
            report.same(BOARDS, "places", dict(want), dict(found[name]), where=f"on {name}")


def _rebuilt(database: psycopg.Connection) -> Iterator[tuple[str, Board]]:
    """Every board that Postgres knows of, by its key; scores of 0 have no place."""
    boards: dict[str, Board] = defaultdict(lambda: defaultdict(int))
    for merchant, customer, exp in sql.rows(database, TOTALS):
        boards[f"leaderboard:{_text(merchant)}"][_text(customer)] += exp
    for merchant, customer, day, exp in sql.rows(database, DAYS):
        member, name = _text(customer), f"leaderboard:{_text(merchant)}"
        for period in _periods(day):
            boards[f"{name}:{period}"][member] += exp
    for name, board in boards.items():
        yield name, {member: exp for member, exp in board.items() if exp > 0}


@lru_cache(maxsize=200_000)
def _text(raw: bytes) -> str:
    return str(UUID(bytes=raw))


@lru_cache(maxsize=10_000)
def _periods(day: date) -> tuple[str, str, str]:
    monday = day - timedelta(days=day.weekday())
    return f"d:{day}", f"w:{monday}", f"m:{day.replace(day=1)}"


def _may_be_gone(name: str, today: date, kept_days: int) -> bool:
    """Whether a board's period ended at least `kept_days` whole days before today (UTC's)."""
    parts = name.split(":")
    if len(parts) == 2:
        return False
    start = date.fromisoformat(parts[3])
    match parts[2]:
        case "d":
            end = start + timedelta(days=1)
        case "w":
            end = start + timedelta(days=7)
        case _:
            end = (start + timedelta(days=32)).replace(day=1)
    return end + timedelta(days=kept_days) <= today


def _board(client: "redis.Redis", name: bytes) -> Board:
    places = cast("list[tuple[bytes, float]]", client.zrange(name, 0, -1, withscores=True))
    return {member.decode(): int(score) for member, score in places}
