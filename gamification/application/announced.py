"""Which rows of the outbox readers of committed records see, and how often."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from gamification.adapters.kafka import visible
from gamification.adapters.kafka.cluster import Kafka
from gamification.adapters.kafka.visible import Rows
from gamification.adapters.postgres import outbox_reader
from gamification.adapters.postgres.connection import Database
from gamification.application.relay_lanes import Lane
from gamification.domain.errors import Unavailable

ROWS_MAX: Final = 5_000
LOOKS_MAX: Final = 1_000


class Site(NamedTuple):
    """Where to look."""

    brokers: Kafka
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
    altered: dict[int, str]
    """Topics of facts that are there, but say something else than their rows, by id."""


NOTHING: Final = Seen(frozenset(), {}, {}, {})


def look(site: Site, incarnation: str, after: int, up_to: int) -> Seen:
    """Of the lane's rows in (after, up_to]. `incarnation`: the database's. Raises Unavailable."""
    rows = _rows(site, after, up_to) if up_to > after else {}
    if not rows:
        return NOTHING
    topics = {topic for topic, _ in rows.values()} & set(site.topics.values())
    seen = visible.rows(site.brokers, sorted(topics), Rows(incarnation, after, up_to))
    repeated: Counter[str] = Counter()
    missing: dict[int, str] = {}
    altered: dict[int, str] = {}
    for row, (topic, wanted) in rows.items():
        found = seen.get((topic, row), [])
        if not found:
            missing[row] = topic
        elif wanted is not None and set(found) != {wanted}:
            altered[row] = topic
        if len(found) > 1:
            repeated[topic] += len(found) - 1
    return Seen(frozenset(rows.keys() - missing.keys()), missing, dict(repeated), altered)


def _rows(site: Site, after: int, up_to: int) -> dict[int, tuple[str, int | None]]:
    """By id: topic, and the fact's fingerprint.

    None for a letter, whose bytes may be another topic's, and for what was not read.
    """
    others = site.lane.of_others(site.topics)
    rows: dict[int, tuple[str, int | None]] = {}
    for _ in range(LOOKS_MAX):
        window = outbox_reader.read_after(site.database, after, ROWS_MAX, others)
        for entry in window.entries:
            if entry.id <= up_to:
                is_fact = entry.schema_version and entry.unread_bytes is None
                said = visible.fingerprint(entry.key, entry.value) if is_fact else None
                rows[entry.id] = site.topics.get(entry.topic, f"topic {entry.topic}"), said
        if window.up_to >= up_to or not window.looked_at:
            return rows
        after = window.up_to
    raise Unavailable("more rows than one transaction can have had")
