"""Relay processes die, freeze and lose Kafka or Postgres; each row is still announced once.

Nothing else runs: rows are written straight into the outbox, so that their order can be compared
with what a reader of committed records sees, to the row.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread
from typing import Final

import pytest

from deploy.devstack.database import create_database
from deploy.devstack.stack import Stack
from deploy.launch import Application, Worker
from gamification.adapters.postgres import outbox
from gamification.adapters.postgres.session import EngineSession
from tests import relays
from tests.waiting import eventually

pytestmark = pytest.mark.faults

TOPIC: Final = "badge.awarded"
KILLED: Final = -9
WAITING = 'gamification_outbox_rows{lane="prompt"}'
POINTS: Final = (
    "relay.after_read",
    "relay.in_transaction",
    "relay.before_kafka_commit",
    "relay.after_kafka_commit",
    "relay.after_progress",
)
SETTINGS: Final = {
    "GAMIFICATION_RELAY_BATCH_ROWS_MAX": "50",
    "GAMIFICATION_RETRY_BACKOFF_MAX_MS": "300",
    "GAMIFICATION_KAFKA_PARTITIONS": "3",
}


@dataclass(slots=True)
class World:
    """Servers of this file alone, one outbox, and all that was ever written to it."""

    stack: Stack
    dsn: str
    application: Application
    written: list[int] = field(default_factory=list)

    def append(self, rows: int) -> None:
        first = len(self.written) + 1
        self.written += relays.append_numbers(self.dsn, range(first, first + rows))

    def relay(self, kill_at: str = "") -> Worker:
        worker = self.application.worker("relay", {"GAMIFICATION_KILL_AT": kill_at})
        worker.launch()
        return worker

    def dies(self, worker: Worker) -> int | None:
        eventually(lambda: not worker.is_running(), within_s=60)
        return worker.exit_code

    def drained(self) -> None:
        wanted = relays.last_id(self.dsn)
        eventually(lambda: relays.progress(self.dsn) == wanted, within_s=60)

    def assert_each_row_once_in_order(self) -> None:
        relays.assert_once_and_in_order(self.stack.addresses.kafka_bootstrap, TOPIC, self.written)


@pytest.fixture(scope="module")
def ground(own_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    dsn = create_database(own_stack.addresses.postgres_dsn, "relay_faults")
    addresses = replace(own_stack.addresses, postgres_dsn=dsn)
    with Application(addresses, tmp_path_factory.mktemp("logs"), SETTINGS) as application:
        application.prepare()
        yield World(own_stack, dsn, application)


@pytest.fixture
def world(ground: World) -> Iterator[World]:
    yield ground
    for worker in ground.application.workers:
        worker.kill()
    ground.application.workers.clear()


@pytest.fixture
def load(world: World) -> Iterator[Callable[[], None]]:
    """Rows that keep coming; the call ends them."""
    stop = Event()
    failures: list[Exception] = []

    def run() -> None:
        try:
            with closing(EngineSession(world.dsn, "load")) as session:
                while not stop.wait(0.02):
                    first = len(world.written) + 1
                    chunk = range(first, first + 10)
                    with session.transaction() as tx:
                        outbox.append(
                            tx, [relays.fact(n, key=b"k%d" % (n % 20)) for n in chunk], ()
                        )
                    world.written += chunk
        except Exception as error:  # noqa: BLE001 - told when the test asks for the end
            failures.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(30)
        assert not failures

    yield end
    stop.set()
    thread.join(30)


@pytest.mark.slow
def test_a_crash_at_any_point_is_made_good_by_the_next_relay(world: World) -> None:
    for point in POINTS:
        world.append(150)
        assert world.dies(world.relay(f"{point}:2")) == KILLED
    world.relay()
    world.drained()
    world.assert_each_row_once_in_order()


def test_a_relay_frozen_in_mid_transaction_cannot_finish_it_after_another_took_over(
    world: World,
) -> None:
    world.append(150)
    frozen = world.relay("relay.before_kafka_commit:2:stop")
    eventually(lambda: is_frozen(frozen), within_s=60)
    # Postgres would end its session by itself after the idle limit of 20 s.
    relays.end_sessions(world.dsn, "gamification-relay")
    world.relay()
    world.drained()

    frozen.resume()

    eventually(lambda: '"unavailable"' in frozen.log_text(), within_s=30)
    world.append(50)
    world.drained()
    assert frozen.is_running()
    world.assert_each_row_once_in_order()


@pytest.mark.slow
def test_kafka_stopped_for_five_seconds_under_load(world: World, load: Callable[[], None]) -> None:
    relay = world.relay()
    eventually(lambda: relays.progress(world.dsn) > 0, within_s=30)
    world.stack.kafka.stop()
    since = time.monotonic()
    eventually(lambda: not ready(relay), within_s=30)
    eventually(lambda: time.monotonic() - since > 5)
    waiting = relays.metric(relay.url, WAITING)
    eventually(lambda: relays.metric(relay.url, WAITING) > waiting, within_s=30)
    world.stack.kafka.start()
    load()
    world.drained()
    assert relay.is_running()
    eventually(lambda: ready(relay))
    world.assert_each_row_once_in_order()


def test_postgres_restarted_and_its_connections_cut_under_load(
    world: World, load: Callable[[], None]
) -> None:
    relay = world.relay()
    eventually(lambda: relays.progress(world.dsn) > 0, within_s=30)
    for _ in range(3):
        before = relays.progress(world.dsn)
        relays.end_sessions(world.dsn, "gamification-relay%")
        eventually(lambda before=before: relays.progress(world.dsn) > before, within_s=30)  # type: ignore[misc]
    load()
    world.stack.postgres.restart()
    world.append(100)
    world.drained()
    assert relay.is_running()
    world.assert_each_row_once_in_order()


def test_asked_to_stop_under_load_it_ends_in_time_and_nothing_is_half_published(
    world: World, load: Callable[[], None]
) -> None:
    for _ in range(3):
        relay = world.relay()
        before = relays.progress(world.dsn)
        eventually(lambda before=before: relays.progress(world.dsn) > before, within_s=30)  # type: ignore[misc]
        assert relay.stop(within_s=10)
        assert relay.exit_code == 0
    load()
    world.relay()
    world.drained()
    world.assert_each_row_once_in_order()


def test_asked_to_stop_while_kafka_is_frozen_it_ends_in_time(world: World) -> None:
    relay = world.relay()
    world.append(10)
    world.drained()
    world.stack.kafka.pause()
    try:
        world.append(100)
        eventually(lambda: not ready(relay), within_s=30)
        assert relay.stop(within_s=12)
    finally:
        world.stack.kafka.resume()
    world.relay()
    world.drained()
    world.assert_each_row_once_in_order()


def is_frozen(worker: Worker) -> bool:
    return Path(f"/proc/{worker.pid}/stat").read_text().rpartition(") ")[2].startswith("T")


def ready(worker: Worker) -> bool:
    return relays.says_ready(worker.url)
