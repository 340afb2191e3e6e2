"""The award worker from its settings."""

import time
from collections.abc import Iterable
from typing import Final

from gamification.adapters.kafka import schema_files
from gamification.adapters.kafka.consumer import InputConsumer, Positions
from gamification.adapters.kafka.topics import INPUT_TOPICS
from gamification.adapters.postgres import migrate, offsets
from gamification.adapters.postgres.connection import connect
from gamification.adapters.postgres.session import EngineSession
from gamification.adapters.postgres.stalled import end_stalled
from gamification.adapters.redis.processed import Processed
from gamification.application.award import Awarder, Means
from gamification.application.intake import Intake, Limits
from gamification.application.rules import Tenants
from gamification.application.shortcut import Shortcut
from gamification.application.told import tell
from gamification.bootstrap.places import kafka_of, redis_of, registry_of
from gamification.domain.breaker import Breaker
from gamification.domain.errors import Halt, PartitionLost, Unavailable
from gamification.settings import Settings
from gamification.wire.decode import Decoder
from gamification.wire.rulebook import load

NAME: Final = "gamification-award"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class AwardWorker:
    """All parts of one award worker, made when first needed and made anew after failures.

    For one thread. Nothing connects before `turn`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: EngineSession | None = None
        self._consumer: InputConsumer | None = None
        self._intake: Intake | None = None
        self._breaker = Breaker(settings.rejected_share_max_percent, settings.rejected_run_min)
        self._decoder = self._make_decoder()
        # Connects when a storm first asks for it, and never holds a batch up for long.
        self._processed = Processed.at(
            redis_of(settings),
            NAME,
        )

    def turn(self) -> None:
        """One batch, or a short wait. Raises Unavailable or Halt."""
        if self._intake is None:
            self._intake = self._make_intake()
        self._intake.turn()

    def recover(self, error: Unavailable) -> None:
        """Make `turn` possible again. Raises Unavailable when it is not yet.

        A worker that only lost a partition keeps its connections. After anything else they are
        made anew: a connection in an unknown state is not worth saving.
        """
        if isinstance(error, PartitionLost) and self._consumer is not None:
            self._consumer.go_back()
            return
        if self._session is not None:
            self._session.close()
        self._session = self._intake = None
        # What failed may have been waiting for the locks of a worker that sleeps.
        end_stalled(self._open_session(), NAME)
        if self._consumer is not None and self._consumer.is_broken:
            self._consumer.close()
            self._consumer = None
        if self._consumer is not None:
            self._consumer.go_back()

    def close(self) -> None:
        """Leave the group and disconnect."""
        if self._consumer is not None:
            self._consumer.close()
        if self._session is not None:
            self._session.close()
        self._processed.close()

    def _make_intake(self) -> Intake:
        settings = self._settings
        session = self._open_session()
        if self._consumer is None:
            self._consumer = InputConsumer(
                kafka_of(settings),
                settings.consumer_group,
                INPUT_TOPICS,
                self._start,
                fetch_wait_ms=settings.fetch_wait_ms,
            )
        tenants = Tenants(session, load, create_merchants=settings.create_merchants)
        means = Means(
            settings.consumer_group, settings.supported_locales, now_ms, self._decoder.dead_letter
        )
        shortcut = Shortcut(
            self._processed,
            storm_percent=settings.duplicate_storm_percent,
            ttl_s=settings.processed_ttl_s,
        )
        return Intake(
            self._consumer,
            self._decoder,
            Awarder(session, tenants, means),
            Limits(settings.batch_records_max, settings.batch_wait_ms),
            (self._breaker, shortcut, tell),
        )

    def _open_session(self) -> EngineSession:
        if self._session is None:
            dsn = self._settings.postgres_dsn.get_secret_value()
            require_migrated(dsn)
            self._session = EngineSession(dsn, NAME)
        return self._session

    def _start(self, firsts: Positions) -> Positions:
        """Where to read on: asked inside the consumer's callbacks."""
        if self._session is None:
            raise Unavailable("postgres: not connected")
        return offsets.start(self._session, self._settings.consumer_group, firsts)

    def _make_decoder(self) -> Decoder:
        registry = registry_of(self._settings)
        return Decoder(
            registry.writer_schema,
            readers=schema_files.current(),
            now_ms=now_ms,
            value_bytes_max=self._settings.value_bytes_max,
        )


def require_migrated(dsn: str) -> None:
    """Raises Halt when tables are missing, Unavailable when nobody answers."""
    database = connect(dsn, "gamification-start")
    try:
        missing: Iterable[str] = migrate.missing(database)
    finally:
        database.close()
    if missing:
        raise Halt(f"the database lacks {', '.join(missing)}: run python -m cli.migrate")
