"""Which rows of the outbox readers of committed records see, and how often."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from gamification.adapters.kafka import visible
from gamification.adapters.kafka.visible import Rows
from gamification.adapters.postgres import outbox_reader
from gamification.adapters.postgres.connection import Database
from gamification.application.relay_lanes import Lane
from gamification.domain.errors import Unavailable

ROWS_MAX: Final = 5_000
LOOKS_MAX: Final = 1_000


class Site(NamedTuple):
    """Where to look."""

    brokers: str
    lane: Lane
    database: Database
    topics: Mapping[int, str]
    """Names by code."""


class Seen(NamedTuple):
    """What was found of some rows."""

    announced: frozenset[int]
    """Ids of rows that are there."""
    missing: dict[int, str]
    """Topics of rows that are not, by id."""
    repeated: dict[str, int]
    """By topic: records of a row beyond the first."""


NOTHING: Final = Seen(frozenset(), {}, {})


def look(site: Site, incarnation: str, after: int, up_to: int) -> Seen:
    """Of the lane's rows in (after, up_to]. `incarnation`: the database's. Raises Unavailable."""
    codes = _codes(site, after, up_to) if up_to > after else {}
    if not codes:
        return NOTHING
    topics = sorted({site.topics[code] for code in codes.values() if code in site.topics})
    seen = visible.rows(site.brokers, topics, Rows(incarnation, after, up_to))
    repeated: Counter[str] = Counter()
    missing: dict[int, str] = {}
    for row, code in codes.items():
        topic = site.topics.get(code, f"topic {code}")
        times = seen[topic, row]
        if not times:
            missing[row] = topic
        elif times > 1:
            repeated[topic] += times - 1
    return Seen(frozenset(codes.keys() - missing.keys()), missing, dict(repeated))


def _codes(site: Site, after: int, up_to: int) -> dict[int, int]:
    """Codes of their topics, by id."""
    others = site.lane.of_others(site.topics)
    codes: dict[int, int] = {}
    for _ in range(LOOKS_MAX):
        window = outbox_reader.read_after(site.database, after, ROWS_MAX, others)
        codes |= {entry.id: entry.topic for entry in window.entries if entry.id <= up_to}
        if window.up_to >= up_to or not window.looked_at:
            return codes
        after = window.up_to
    raise Unavailable("more rows than one transaction can have had")
