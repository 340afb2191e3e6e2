"""The replay of a time window, from the settings."""

from collections.abc import Callable
from contextlib import closing
from typing import Final, NamedTuple

from gamification.adapters.kafka import schema_files
from gamification.adapters.kafka.letters import LetterReader
from gamification.adapters.postgres.session import EngineSession
from gamification.application.pace import Pace
from gamification.application.replay import Progress, Window, WindowReplayer
from gamification.bootstrap.award import now_ms, require_migrated
from gamification.bootstrap.places import kafka_of, registry_of
from gamification.settings import Settings
from gamification.wire.decode import Decoder

NAME: Final = "gamification-replay"
PAGE_RECORDS: Final = 500


class Replayed(NamedTuple):
    """What came of it."""

    progress: Progress
    go_on_from_ms: int | None
    """Where to go on; None when it came to the end."""


def replay(
    settings: Settings,
    topic: str,
    window: Window,
    pace: Pace | None,
    told: Callable[[Progress], None],
) -> Replayed:
    """Send the window again, or only count it without a pace. Raises Unavailable, Halt."""
    dsn = settings.postgres_dsn.get_secret_value()
    require_migrated(dsn)
    registry = registry_of(settings)
    decoder = Decoder(registry.writer_schema, readers=schema_files.current(), now_ms=now_ms)
    with (
        closing(EngineSession(dsn, NAME)) as session,
        closing(
            LetterReader(kafka_of(settings), window.since_ms, topic, window.until_ms)
        ) as reader,
    ):
        replayer = WindowReplayer(session, decoder, pace)
        progress = replayer.replay(reader.pages(PAGE_RECORDS), window, told)
        if not progress.stopped:
            return Replayed(progress, None)
        reached = progress.reached_ms
        left = [reached.get(each, window.since_ms) for each in reader.partitions_left()]
        if progress.unsent_ms is not None:
            left.append(progress.unsent_ms)
        return Replayed(progress, min(left, default=None))
