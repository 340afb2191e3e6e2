"""Which rows of the outbox readers of committed records see, and how often."""

from collections import Counter
from typing import Final, NamedTuple

from gamification.adapters.kafka import originals, visible
from gamification.adapters.kafka.publisher import Message
from gamification.adapters.postgres import outbox_reader
from gamification.adapters.postgres.connection import Database
from gamification.adapters.postgres.outbox_reader import Entry
from gamification.application.relay_lanes import Lane
from gamification.application.relay_messages import Composer, sources, until_missing
from gamification.domain.errors import Unavailable

ROWS_MAX: Final = 5_000
LOOKS_MAX: Final = 1_000
BEFORE_S: Final = 60.0
"""How far the clocks of Postgres and of whoever published may have been apart."""


class Site(NamedTuple):
    """Where to look."""

    brokers: str
    lane: Lane
    database: Database
    composer: Composer


class Seen(NamedTuple):
    """What was found of some rows."""

    announced: frozenset[int]
    """Ids of rows that are there."""
    missing: dict[int, str]
    """Topics of rows that are not, by id."""
    repeated: dict[str, int]
    """By topic: records that say what a row says, beyond the first for each row."""


NOTHING: Final = Seen(frozenset(), {}, {})


def look(site: Site, after: int, up_to: int) -> Seen:
    """Of the lane's rows in (after, up_to]. Raises Unavailable or Halt."""
    entries = _rows(site, after, up_to) if up_to > after else []
    if not entries:
        return NOTHING
    messages = _messages(site, entries)
    from_s = min(entry.created_s for entry in entries) - BEFORE_S
    topics = sorted({message.topic for message in messages})
    seen = visible.since(site.brokers, topics, int(from_s * 1000))
    announced: set[int] = set()
    missing: dict[int, str] = {}
    contents: set[visible.Content] = set()
    for entry, message in zip(entries, messages, strict=True):
        content = message.topic, message.key, message.value
        contents.add(content)
        if seen[content] > 0:
            seen[content] -= 1
            announced.add(entry.id)
        else:
            missing[entry.id] = message.topic
    repeated: Counter[str] = Counter()
    for content in contents:
        if seen[content]:
            repeated[content[0]] += seen[content]
    return Seen(frozenset(announced), missing, dict(repeated))


def _rows(site: Site, after: int, up_to: int) -> list[Entry]:
    others = site.lane.of_others(site.composer.topics)
    rows: list[Entry] = []
    for _ in range(LOOKS_MAX):
        window = outbox_reader.read_after(site.database, after, ROWS_MAX, others)
        rows += [entry for entry in window.entries if entry.id <= up_to]
        if window.up_to >= up_to or not window.looked_at:
            return rows
        after = window.up_to
    raise Unavailable("more rows than one transaction can have had")


def _messages(site: Site, entries: list[Entry]) -> list[Message]:
    """As they were published."""
    messages: list[Message] = []
    rest = entries
    for _ in range(LOOKS_MAX):
        by_reference = sources(rest)
        found = originals.fetch(site.brokers, by_reference) if by_reference else {}
        part = list(until_missing(rest, found))
        messages += site.composer.compose(part, found, frozenset())
        rest = rest[len(part) :]
        if not rest:
            return messages
    raise Unavailable("kafka: originals of letters are read too slowly")
