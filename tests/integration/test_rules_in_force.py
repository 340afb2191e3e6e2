"""Rulebooks and merchants change under running workers, and the next batch knows."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
import pytest
from typer.testing import CliRunner

from cli import merchants as merchants_command
from cli import rules as rules_command
from gamification.adapters.postgres import offsets
from gamification.adapters.postgres.session import EngineSession
from gamification.application.award import Awarder, Means, Moves, Outcome
from gamification.application.backfill import Backfill
from gamification.application.rulebook_admin import activate
from gamification.application.rules import Tenants
from gamification.domain.activity import Activity, Kind
from gamification.domain.errors import InvalidArgument, Reason
from gamification.domain.ids import DEFAULT_MERCHANT, CustomerId, EventId, MerchantId, uuid_text
from gamification.wire.envelope import DeadLetter, Decoded, Position, Record
from gamification.wire.rulebook import load
from tests.names import name_badges

pytestmark = pytest.mark.servers

PLAIN: Final = """
rulebook: 1
earn:
  - {id: points, event: points.earned, exp: {per: points, rate: 1}}
badges:
  - {id: starter, name: badge.starter, icon: star, when: {count: points.earned, at_least: 3}}
"""
DOUBLE: Final = PLAIN.replace("rate: 1", "rate: 2").replace("at_least: 3", "at_least: 2")

SHOP = MerchantId(b"m" * 16)
ANNA = CustomerId(b"a" * 16)
PLACE: Final = ("points.earned", 0)


def now_ms() -> int:
    return int(time.time() * 1000)


class Worker:
    """An award worker without Kafka: activities in, one batch a call."""

    def __init__(self, dsn: str, *, create_merchants: bool = True) -> None:
        self.session = EngineSession(dsn, "test")
        tenants = Tenants(self.session, load, create_merchants=create_merchants)
        self._awarder = Awarder(self.session, tenants, Means("test", ("en",), now_ms, self._letter))
        self._next = offsets.start(self.session, "test", {PLACE: 0})[PLACE]

    def award(self, points: Sequence[int]) -> Outcome:
        batch = [self._decoded(worth, self._next + i) for i, worth in enumerate(points)]
        after = self._next + len(points)
        outcome = self._awarder.award(batch, Moves({PLACE: self._next}, {PLACE: after}))
        self._next = after
        return outcome

    @staticmethod
    def _decoded(points: int, offset: int) -> Decoded:
        event = EventId(offset.to_bytes(16, "big"))
        activity = Activity(Kind.POINTS_EARNED, SHOP, ANNA, event, now_ms(), {"points": points}, 7)
        return Decoded(Record(*PLACE, offset, now_ms(), None, b"", ()), activity, None)

    @staticmethod
    def _letter(record: Record, reason: Reason, detail: str) -> DeadLetter:
        place = Position(record.topic, record.partition, record.offset)
        return DeadLetter(
            origin=place,
            origin_timestamp_ms=record.timestamp_ms,
            source=place,
            key=None,
            value=b"",
            by_reference=False,
            reason=reason,
            detail=detail,
            attempts=1,
            first_failed_ms=record.timestamp_ms,
            traceparent=None,
            event_id=None,
            merchant_id=None,
        )


@pytest.fixture
def worker(database_dsn: str) -> Iterator[Worker]:
    one = Worker(database_dsn)
    name_badges(one.session, load(PLAIN))
    activate(one.session, DEFAULT_MERCHANT, PLAIN, "test", now_ms)
    yield one
    one.session.close()


def exp_of_anna(dsn: str) -> int:
    with psycopg.connect(dsn) as database:
        row = database.execute("SELECT sum(exp) FROM profiles").fetchone()
        assert row is not None
        return int(row[0])


def badges_of_anna(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as database:
        return [badge for (badge,) in database.execute("SELECT badge FROM customer_badges")]


def test_an_activated_rulebook_rules_the_next_batch(worker: Worker, database_dsn: str) -> None:
    worker.award([10])
    activate(worker.session, DEFAULT_MERCHANT, DOUBLE, "test", now_ms)
    worker.award([10])

    assert exp_of_anna(database_dsn) == 10 + 20


def test_a_merchants_own_rulebook_goes_before_the_default(
    worker: Worker, database_dsn: str
) -> None:
    worker.award([10])
    activate(worker.session, SHOP, DOUBLE, "test", now_ms)
    worker.award([10])

    assert exp_of_anna(database_dsn) == 30


def test_backfill_awards_what_a_lower_threshold_had_earned_and_only_once(
    worker: Worker, database_dsn: str
) -> None:
    worker.award([1, 1])
    assert badges_of_anna(database_dsn) == []
    activate(worker.session, DEFAULT_MERCHANT, DOUBLE, "test", now_ms)

    work = Backfill(worker.session, SHOP, now_ms)
    assert work.waiting() == 1
    assert [(step.customers, step.badges) for step in work.steps()] == [(1, 1)]
    assert badges_of_anna(database_dsn) == ["starter"]
    assert Backfill(worker.session, SHOP, now_ms).waiting() == 0
    assert exp_of_anna(database_dsn) == 2, "nothing is paid for the past"


def test_without_backfill_the_next_activity_brings_the_badge(
    worker: Worker, database_dsn: str
) -> None:
    worker.award([1, 1])
    activate(worker.session, DEFAULT_MERCHANT, DOUBLE, "test", now_ms)
    worker.award([1])

    assert badges_of_anna(database_dsn) == ["starter"]


def test_a_merchant_that_may_not_be_made_is_a_dead_letter_until_somebody_makes_it(
    worker: Worker, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    activate(worker.session, DEFAULT_MERCHANT, PLAIN, "test", now_ms)
    strict = Worker(database_dsn, create_merchants=False)
    with closing(strict.session):
        refused = strict.award([5])
        assert [letter.reason for letter in refused.letters] == [Reason.UNKNOWN_MERCHANT]

        monkeypatch.setenv("GAMIFICATION_POSTGRES_DSN", database_dsn)
        made = CliRunner().invoke(
            merchants_command.app, ["put", "--merchant-id", uuid_text(SHOP), "--yes"]
        )
        assert made.exit_code == 0, made.output
        assert len(strict.award([5]).counted) == 1


def test_commands_check_activate_and_tell_the_history(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GAMIFICATION_POSTGRES_DSN", database_dsn)
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(PLAIN)
    bad.write_text(PLAIN.replace("points.earned, exp", "points.earnt, exp"))
    run = CliRunner()

    refused = run.invoke(rules_command.app, ["check", str(bad)])
    assert refused.exit_code == 1
    assert "earn[0].event" in refused.output
    dry = run.invoke(rules_command.app, ["activate", str(good)])
    assert "nothing was changed" in dry.output
    assert "warning: no English name for badge.starter" in dry.output
    nameless = run.invoke(rules_command.app, ["activate", str(good), "--yes"])
    assert nameless.exit_code == 1
    assert "badges: no English name for badge.starter; import them first" in nameless.output
    assert "python -m cli.import_translations" in nameless.output
    assert run.invoke(rules_command.app, ["history"]).output == "no rulebook yet\n"
    with closing(EngineSession(database_dsn, "test")) as session:
        name_badges(session, load(PLAIN))
    assert "warning" not in run.invoke(rules_command.app, ["check", str(good)]).output
    done = run.invoke(rules_command.app, ["activate", str(good), "--actor", "eva", "--yes"])
    assert done.exit_code == 0, done.output
    told = run.invoke(rules_command.app, ["history"]).output
    assert "active" in told
    assert "eva" in told


def test_every_tier_needs_a_name_of_its_own(worker: Worker) -> None:
    tiered = PLAIN.replace("at_least: 3}", "}").replace(
        "when: {count: points.earned, }", "when: exp, tiers: {bronze: 5, extra-gold: 9}"
    )
    with pytest.raises(InvalidArgument) as caught:
        activate(worker.session, SHOP, tiered, "test", now_ms)
    assert "badge.starter.bronze, badge.starter.extra.gold;" in str(caught.value)

    name_badges(worker.session, load(tiered))
    activate(worker.session, SHOP, tiered, "test", now_ms)
    with worker.session.transaction() as tx:
        tx.execute("SELECT badge, name_key FROM badge_definitions WHERE tier IS NOT NULL")
        assert dict(tx.fetchall()) == {
            "starter.bronze": "badge.starter.bronze",
            "starter.extra-gold": "badge.starter.extra.gold",
        }


def test_many_missing_names_are_told_shortly(worker: Worker) -> None:
    badges = "\n".join(f"  - {{id: b{n}, name: badge.b{n}, icon: x}}" for n in range(30))
    with pytest.raises(InvalidArgument, match=r"badge\.b19 and 10 more; import them first"):
        activate(worker.session, SHOP, f"rulebook: 1\nbadges:\n{badges}\n", "test", now_ms)


def test_a_rulebook_can_be_checked_without_a_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "good.yaml"
    file.write_text(PLAIN)
    monkeypatch.delenv("GAMIFICATION_POSTGRES_DSN", raising=False)
    alone = CliRunner().invoke(rules_command.app, ["check", str(file)])
    assert (alone.exit_code, alone.stderr) == (0, "")

    monkeypatch.setenv("GAMIFICATION_POSTGRES_DSN", "postgresql://127.0.0.1:1/none")
    away = CliRunner().invoke(rules_command.app, ["check", str(file)])
    assert away.exit_code == 0
    assert "names of badges were not looked for" in away.stderr


def test_commands_say_when_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAMIFICATION_POSTGRES_DSN", "postgresql://127.0.0.1:1/none")

    ended = CliRunner().invoke(rules_command.app, ["history"])

    assert ended.exit_code == 3
    assert "unavailable" in ended.output
