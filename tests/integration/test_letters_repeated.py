"""A record that fails again in the same way is the letter that it was: one row, told once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from gamification.adapters.postgres import offsets
from gamification.adapters.postgres.session import EngineSession
from gamification.application.award import Awarder, Means, Moves
from gamification.application.rulebook_admin import ensure_default
from gamification.application.rules import Tenants
from gamification.domain.errors import Reason
from gamification.wire.envelope import DeadLetter, Decoded, Position, Record
from gamification.wire.rulebook import load

pytestmark = pytest.mark.servers

NOW_MS = 1_790_000_000_000
RULES = "rulebook: 1\nearn:\n  - {id: p, event: points.earned, exp: {per: points, rate: 1}}\n"
REPLAY = "gamification.replay"
ROWS = """
    SELECT (SELECT count(*) FROM dead_letters), count(*) FROM outbox WHERE letter IS NOT NULL
"""


class Worker:
    """One that owns a partition of the replay topic."""

    def __init__(self, dsn: str, partition: int) -> None:
        self.session = EngineSession(dsn, "test")
        ensure_default(self.session, RULES, lambda: NOW_MS)
        tenants = Tenants(self.session, load, create_merchants=False)
        self._awarder = Awarder(
            self.session, tenants, Means("award", ("en",), lambda: NOW_MS, unexpected)
        )
        self._place = REPLAY, partition
        self._next = offsets.start(self.session, "award", {self._place: 0})[self._place]

    def fail(self, *origins: int, attempts: int = 1) -> int:
        """Records from these places come and cannot be counted; how many new letters that made."""
        batch = [self._bad(at, origin, attempts) for at, origin in enumerate(origins, self._next)]
        moves = {self._place: self._next}, {self._place: self._next + len(batch)}
        outcome = self._awarder.award(batch, Moves(*moves))
        self._next += len(batch)
        assert len(outcome.letters) == len(batch)
        return len(outcome.new_letters)

    def _bad(self, at: int, origin: int, attempts: int) -> Decoded:
        record = Record(*self._place, at, NOW_MS, None, b"?", ())
        letter = DeadLetter(
            origin=Position("points.earned", 0, origin),
            origin_timestamp_ms=NOW_MS,
            source=record.position,
            key=None,
            value=b"?",
            by_reference=False,
            reason=Reason.MALFORMED,
            detail="value: first byte is not 0",
            attempts=attempts,
            first_failed_ms=NOW_MS + at,
            traceparent=None,
            event_id=None,
            merchant_id=None,
        )
        return Decoded(record, None, letter)


def unexpected(_record: Record, reason: Reason, detail: str) -> DeadLetter:
    raise AssertionError(f"{reason}: {detail}")


@pytest.fixture
def workers(database_dsn: str) -> Iterator[tuple[Worker, Worker]]:
    both = Worker(database_dsn, 0), Worker(database_dsn, 1)
    yield both
    for each in both:
        each.session.close()


def rows(dsn: str) -> tuple[object, ...]:
    """Letters in the index, and in the outbox."""
    with psycopg.connect(dsn) as database:
        [found] = database.execute(ROWS).fetchall()
    return found


def test_in_one_batch_or_later_it_is_one_letter(
    workers: tuple[Worker, Worker], database_dsn: str
) -> None:
    one, other = workers
    assert one.fail(5, 6, 5) == 2
    assert other.fail(6, 7) == 1
    assert rows(database_dsn) == (3, 3)


def test_one_attempt_more_is_another_letter(
    workers: tuple[Worker, Worker], database_dsn: str
) -> None:
    one, _ = workers
    assert [one.fail(5), one.fail(5, attempts=2)] == [1, 1]
    assert rows(database_dsn) == (2, 2)


def test_two_workers_at_once_make_each_letter_once(
    workers: tuple[Worker, Worker], database_dsn: str
) -> None:
    def work(worker: Worker, step: int) -> int:
        return sum(worker.fail(*range(at, at + 40)[::step]) for at in range(0, 400, 20))

    with ThreadPoolExecutor(2) as threads:
        made = [
            threads.submit(work, worker, step)
            for worker, step in zip(workers, (1, -1), strict=True)
        ]
        assert sum(each.result(60) for each in made) == 420
    assert rows(database_dsn) == (420, 420)
