"""Outbox rows as Kafka records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gamification.adapters.kafka.originals import Original
from gamification.adapters.kafka.publisher import Headers, Message
from gamification.adapters.postgres.outbox_reader import Entry
from gamification.application.relay_schemas import SchemaPrefixes
from gamification.domain.errors import Halt, Unavailable
from gamification.wire import outbox_id
from gamification.wire.dead_letter import DETAIL, ORIGIN_TOPIC, headers_of, source_of
from gamification.wire.envelope import Position

TRACEPARENT: Final = "traceparent"
EVENT_TYPE: Final = "event_type"

Originals = Mapping[Position, Original | None]


@dataclass(frozen=True, slots=True)
class Composer:
    """Turns rows into records. `topics` are names by code, `incarnation` is the database's."""

    topics: Mapping[int, str]
    prefixes: SchemaPrefixes
    incarnation: str

    def compose(
        self, entries: Sequence[Entry], originals: Originals, too_large: frozenset[int]
    ) -> list[Message]:
        """One record for each row, in order.

        `originals` holds what letters by reference ask for; `too_large` are ids of letters that
        their topic does not take. Raises Unavailable or Halt.
        """
        messages: list[Message] = []
        known: dict[tuple[int, int], tuple[str, bytes]] = {}
        for entry in entries:
            if entry.letter is not None:
                messages.append(self._letter(entry, entry.letter, originals, too_large))
                continue
            kind = entry.topic, entry.schema_version
            if kind not in known:
                known[kind] = self._kind(entry)
            topic, prefix = known[kind]
            value = entry.value
            if entry.unread_bytes is not None:
                raise Halt(
                    f"outbox row {entry.id}: {entry.unread_bytes} bytes for {topic}; no topic "
                    "takes so much"
                )
            if prefix and value is not None:
                value = prefix + value
            headers: Headers = [
                (EVENT_TYPE, topic),
                (outbox_id.HEADER, outbox_id.worded(self.incarnation, entry.id)),
            ]
            if entry.traceparent is not None:
                headers.insert(0, (TRACEPARENT, entry.traceparent))
            messages.append(Message(topic, value, entry.key, headers))
        return messages

    def topic(self, entry: Entry) -> str:
        """The name of a row's topic. Raises Unavailable: whoever recovers reads the table anew."""
        name = self.topics.get(entry.topic)
        if name is None:
            raise Unavailable(f"outbox row {entry.id}: no code {entry.topic} in table topics, yet")
        return name

    def _kind(self, entry: Entry) -> tuple[str, bytes]:
        topic = self.topic(entry)
        if entry.schema_version == 0:
            return topic, b""
        return topic, self.prefixes.of(topic, entry.schema_version)

    def _letter(
        self, entry: Entry, letter: str, originals: Originals, too_large: frozenset[int]
    ) -> Message:
        """The original's bytes, or none and the reason why."""
        headers = dict(headers_of(letter))
        headers.setdefault(EVENT_TYPE, headers.get(ORIGIN_TOPIC, b""))
        key, value = entry.key, entry.value
        source = source_of(letter)
        lost: str | None = None
        if source is not None:
            original = originals.get(source)
            if original is None:
                value = b""
                lost = f"the original is gone from {_named(source)}"
            else:
                key, value = original
        if entry.id in too_large or entry.unread_bytes is not None:
            size = entry.unread_bytes or len(value or b"")
            value = b""
            lost = f"the original has {size} bytes, which {self.topic(entry)} does not take"
        if lost is not None:
            headers[DETAIL] = headers.get(DETAIL, b"") + f"; {lost}".encode()
        headers[outbox_id.HEADER] = outbox_id.worded(self.incarnation, entry.id).encode()
        return Message(self.topic(entry), value, key, list(headers.items()))


def sources(entries: Sequence[Entry]) -> list[Position]:
    """What letters by reference need, in the order of the rows."""
    letters = (entry.letter for entry in entries if entry.letter is not None)
    return [source for letter in letters if (source := source_of(letter)) is not None]


def until_missing(entries: Sequence[Entry], originals: Originals) -> Sequence[Entry]:
    """The rows before the first one whose original was not read yet."""
    for place, entry in enumerate(entries):
        if entry.letter is not None:
            source = source_of(entry.letter)
            if source is not None and source not in originals:
                return entries[:place]
    return entries


def _named(position: Position) -> str:
    return f"{position.topic}[{position.partition}] at {position.offset}"
