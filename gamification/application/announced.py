"""Which rows of the outbox readers of committed records see, and how often."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from gamification.adapters.kafka import visible
from gamification.adapters.kafka.cluster import Kafka
from gamification.adapters.kafka.visible import Rows
from gamification.adapters.postgres import outbox_reader
from gamification.adapters.postgres.connection import Database
from gamification.adapters.postgres.outbox_reader import Entry
from gamification.application.relay_lanes import Lane
from gamification.domain.errors import Unavailable
from gamification.wire.dead_letter import headers_of

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
    """Topics of rows whose records say something else, by id."""


NOTHING: Final = Seen(frozenset(), {}, {}, {})


def look(site: Site, incarnation: str, after: int, up_to: int) -> Seen:
    """Of the lane's rows in (after, up_to]. `incarnation`: the database's. Raises Unavailable."""
    rows = _rows(site, after, up_to) if up_to > after else {}
    if not rows:
        return NOTHING
    seen = visible.rows(site.brokers, _topics(site, rows), Rows(incarnation, after, up_to))
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


def look_before(site: Site, rows: Collection[int]) -> frozenset[int]:
    """Those that were announced when this database was another one: it was made from a dump.

    They say the same, under the same id. Raises Unavailable.
    """
    after, up_to = min(rows) - 1, max(rows)
    wanted = {row: said for row, said in _rows(site, after, up_to).items() if row in rows}
    seen = visible.rows(site.brokers, _topics(site, wanted), Rows(None, after, up_to))
    return frozenset(
        row
        for row, (topic, said) in wanted.items()
        if said is not None and said in seen.get((topic, row), ())
    )


def _topics(site: Site, rows: Mapping[int, tuple[str, int | None]]) -> list[str]:
    return sorted({topic for topic, _ in rows.values()} & set(site.topics.values()))


def _rows(site: Site, after: int, up_to: int) -> dict[int, tuple[str, int | None]]:
    """By id: topic, and the fingerprint; None for what was not read."""
    others = site.lane.of_others(site.topics)
    rows: dict[int, tuple[str, int | None]] = {}
    for _ in range(LOOKS_MAX):
        window = outbox_reader.read_after(site.database, after, ROWS_MAX, others)
        for entry in window.entries:
            if entry.id <= up_to:
                rows[entry.id] = site.topics.get(entry.topic, f"topic {entry.topic}"), _said(entry)
        if window.up_to >= up_to or not window.looked_at:
            return rows
        after = window.up_to
    raise Unavailable("more rows than one transaction can have had")


def _said(entry: Entry) -> int | None:
    if entry.letter is not None:
        return visible.fingerprint(None, None, tuple(headers_of(entry.letter)))
    if entry.schema_version and entry.unread_bytes is None:
        return visible.fingerprint(entry.key, entry.value)
    return None
