"""One worker's turn: poll, decode, award, note the positions; and what to do when it fails."""

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from gamification.adapters.kafka.consumer import InputConsumer
from gamification.adapters.postgres.offsets import Partition
from gamification.application.award import Awarder, Moves, Outcome
from gamification.application.lag import Lag
from gamification.application.record_spans import RecordSpans, record_spans
from gamification.application.shortcut import Shortcut
from gamification.domain.breaker import Breaker
from gamification.domain.errors import GamificationError, Reason, Suspect, Unavailable
from gamification.telemetry import logs, metrics
from gamification.telemetry.killpoints import reached
from gamification.wire.dead_letter import REPLAY_TOPIC
from gamification.wire.decode import Decoder
from gamification.wire.envelope import Decoded, Record

POISON_TRIES: Final = 3
HELD_FOR_S: Final = 1.0
"""How long a partition waits for a schema before its next record is looked at again."""

log = logs.get("intake")


class Limits(NamedTuple):
    records_max: int
    wait_ms: int


Told = Callable[[Sequence[Record], Outcome, float], None]
"""Metrics and logs of what was committed, and how many seconds it took."""


class Intake:
    """The award worker's work. For one thread."""

    def __init__(
        self,
        consumer: InputConsumer,
        decoder: Decoder,
        awarder: Awarder,
        limits: Limits,
        extras: tuple[Breaker, Shortcut, Told],
    ) -> None:
        self._consumer = consumer
        self._decoder = decoder
        self._awarder = awarder
        self._limits = limits
        self._breaker, self._shortcut, self._told = extras
        self._lag = Lag(consumer)
        self._spans: RecordSpans | None = None

    def turn(self) -> None:
        """Handle one batch, if there is one. Raises Unavailable or Halt; then nothing is lost:
        `InputConsumer.go_back` reads again what was not committed."""
        records = self._consumer.poll(*self._limits)
        self._lag.measure()
        if not records:
            return
        reached("award.after_poll")
        decoded, held = self._decode(records)
        self._breaker.judge(len(decoded), sum(1 for d in decoded if _speaks_against_us(d)))
        if decoded:
            with record_spans(decoded) as self._spans:
                self._handle(decoded)
        if held:
            self._consumer.hold(held, HELD_FOR_S)

    def _decode(self, records: Sequence[Record]) -> tuple[list[Decoded], set[Partition]]:
        """What can be judged now, and the partitions in which the next record cannot.

        A schema that nobody can fetch now holds up its own partition, from there on, and no other.
        """
        try:
            return self._decoder.decode_all(records), set()
        except Unavailable as error:
            reason = str(error)
        decoded: list[Decoded] = []
        held: set[Partition] = set()
        for record in records:
            place = (record.topic, record.partition)
            if place in held:
                continue
            try:
                decoded.append(self._decoder.decode(record))
            except Unavailable:
                held.add(place)
        if held:
            metrics.ERRORS.labels(Unavailable.__name__).inc()
            waiting = [f"{topic}[{partition}]" for topic, partition in sorted(held)]
            log.warning("partitions_wait", reason=reason, partitions=waiting)
        return decoded, held

    def _handle(self, batch: Sequence[Decoded]) -> None:
        """Award the batch; if one record spoils it, find that one by halving."""
        try:
            self._award(batch)
        except Suspect as error:
            if len(batch) == 1:
                self._isolated(batch[0], error)
                return
            middle = len(batch) // 2
            self._handle(batch[:middle])
            self._handle(batch[middle:])

    def _isolated(self, decoded: Decoded, error: Suspect) -> None:
        """A record that fails alone is tried again, then put away whole."""
        for _ in range(POISON_TRIES - 1):
            try:
                self._award([decoded])
            except Suspect as again:
                error = again
            else:
                return
        letter = self._decoder.dead_letter(decoded.record, Reason.POISON, str(error))
        self._breaker.judge(0, int(decoded.record.topic != REPLAY_TOPIC))
        self._award([Decoded(decoded.record, None, letter)])

    def _award(self, batch: Sequence[Decoded]) -> None:
        next_offsets: dict[Partition, int] = {}
        for decoded in batch:
            record = decoded.record
            next_offsets[record.topic, record.partition] = record.offset + 1
        began = time.perf_counter()
        known_done = self._shortcut.known_done(batch)
        try:
            outcome = self._awarder.award(
                batch, Moves(self._consumer.expected, next_offsets), known_done
            )
        except GamificationError:
            raise
        except Exception as error:
            # A value that no code foresaw (too large for its column, say) must not stop the
            # worker for ever: one record of the batch is to blame, and halving finds it.
            raise Suspect(f"{type(error).__name__} while awarding") from error
        self._consumer.stored(next_offsets)
        self._shortcut.note(outcome)
        seconds = time.perf_counter() - began
        if self._spans is not None:
            self._spans.committed(batch, outcome)
        committed = [decoded.record for decoded in batch]
        self._told(committed, outcome, seconds)
        self._lag.handled(committed)


def _speaks_against_us(decoded: Decoded) -> bool:
    """A new record that is bad. One that was bad before, and is sent again, says nothing new."""
    return decoded.letter is not None and decoded.record.topic != REPLAY_TOPIC
