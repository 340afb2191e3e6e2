"""What the commands for dead letters do, from settings."""

from collections.abc import Callable
from contextlib import closing
from typing import Any, Final, NamedTuple

from gamification.adapters.kafka import schema_files
from gamification.adapters.kafka.letters import LetterReader
from gamification.adapters.postgres import letter_index
from gamification.adapters.postgres.letter_index import Letter, Parked
from gamification.adapters.postgres.session import EngineSession
from gamification.application.reprocess import PAGE_RECORDS, Expected, Replayer, Sent
from gamification.bootstrap.award import now_ms
from gamification.bootstrap.places import kafka_of, registry_of
from gamification.domain.errors import Rejected
from gamification.domain.ids import uuid_text
from gamification.domain.letter import LetterFilter
from gamification.settings import Settings
from gamification.wire.dead_letter import LETTER_ID
from gamification.wire.decode import Decoder
from gamification.wire.envelope import Record

EARLIER_MS: Final = 60_000
"""A letter is in the topic after it is in the index, by clocks that may differ a little."""

FEW_MAX: Final = 20_000
"""So few letters are known by id and time beforehand: what lies between them is passed over."""


class Looked(NamedTuple):
    """A letter and what it holds."""

    letter: Letter
    headers: dict[str, str]
    """Empty when the topic does not have it, yet or any more."""
    fields: dict[str, Any] | None
    unreadable: str | None
    """Why there are no fields."""


class Way(NamedTuple):
    """How letters are sent."""

    per_s: float
    pause: Callable[[float], bool]
    """Wait so many seconds; whether to stop."""
    insist: bool
    """Also those that came back too often."""


class Plan(NamedTuple):
    """Which letters are sent, and how many of them were parked when somebody counted."""

    wanted: LetterFilter
    parked: Parked


def resend(
    settings: Settings,
    session: EngineSession,
    plan: Plan,
    way: Way,
    told: Callable[[Sent], None],
) -> Sent:
    """Send every parked letter that is planned. Raises Unavailable; what was sent is sent."""
    oldest_ms = plan.parked.oldest_ms
    if oldest_ms is None:
        return Sent()
    number = plan.parked.letters + plan.parked.refused
    few = letter_index.written(session, plan.wanted, number) if number <= FEW_MAX else None
    replayer = Replayer(session, way.per_s, way.pause, insist=way.insist)
    with closing(LetterReader(kafka_of(settings), oldest_ms - EARLIER_MS)) as reader:
        expected = Expected(number, few, lambda at_ms: reader.skip_to(at_ms - EARLIER_MS))
        return replayer.replay(reader.pages(PAGE_RECORDS), plan.wanted, told, expected)


def look(settings: Settings, session: EngineSession, wanted: LetterFilter) -> Looked | None:
    """The letter with this id; None when there is none. Raises Unavailable."""
    found = letter_index.page(session, wanted, None, 1)
    if not found:
        return None
    [letter] = found
    record = _record_of(settings, letter)
    if record is None:
        return Looked(letter, {}, None, "gamification.dlq does not have it: not yet, or no more")
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers if value}
    registry = registry_of(settings)
    decoder = Decoder(registry.writer_schema, readers=schema_files.current(), now_ms=now_ms)
    try:
        return Looked(letter, headers, decoder.fields(record), None)
    except Rejected as error:
        return Looked(letter, headers, None, f"{error.reason}: {error.detail}")


def _record_of(settings: Settings, letter: Letter) -> Record | None:
    wanted = LETTER_ID, uuid_text(letter.id).encode()
    from_ms = int(letter.created_at.timestamp() * 1000) - EARLIER_MS
    with closing(LetterReader(kafka_of(settings), from_ms)) as reader:
        for page in reader.pages(PAGE_RECORDS):
            for record in page:
                if wanted in record.headers:
                    return record
    return None
