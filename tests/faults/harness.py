"""The whole chain under load while something breaks, and what must be true when it is mended.

chain.start("award", "relay", "project")
load = chain.load(events=5_000)          # publishes in the background
...                                      # break something
chain.settle()                           # all handled, and the four invariants hold
"""

import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
from confluent_kafka import KafkaException

from bench.workload import Delivery, SentBad, Stream, WriterSchemas, generate, publish
from bench.workload.drained import Drain
from cli.migrate import DEFAULT_RULEBOOK
from deploy.devstack.server import Addresses
from deploy.devstack.stack import Stack
from deploy.launch import Application, Worker
from gamification.domain.activity import Activity
from gamification.wire.rulebook import load as load_rulebook
from tests.faults.ground import Ground, deadlocks
from tests.faults.load import Load
from tests.oracle.checker import Auditor, Inputs
from tests.oracle.expected import Correction, MerchantSettings, Person
from tests.oracle.letters_audit import BadRecord
from tests.oracle.model import Granted
from tests.oracle.report import Report
from tests.waiting import eventually

KILLED: Final = -9
RULES: Final = load_rulebook(DEFAULT_RULEBOOK.read_text())
SMALL_BATCHES: Final = {
    "GAMIFICATION_BATCH_RECORDS_MAX": "100",
    "GAMIFICATION_RELAY_BATCH_ROWS_MAX": "200",
    "GAMIFICATION_RETRY_BACKOFF_MAX_MS": "300",
    "GAMIFICATION_LOG_FORMAT": "json",
}
"""So that some thousand events are many transactions, and faults fall between and into them."""

SETTINGS_WITHIN_S: Final = 60
DRAINED_WITHIN_S: Final = 120
DIED_WITHIN_S: Final = 60
BOARDS_KEPT_DAYS: Final = 6
"""A day less than the boards are kept by default: a day's end is near somewhere."""

COUNTED: Final = "SELECT count(*) FROM processed_events"
ADD_MERCHANT: Final = "INSERT INTO merchants (merchant_id, timezone) VALUES (%s, %s)"


class Chain:
    """Processes on emptied servers, what was sent to them, and the audit."""

    def __init__(self, ground: Ground, addresses: Addresses, logs: Path) -> None:
        self._ground = ground
        self.addresses = addresses
        group = addresses.postgres_dsn.rpartition("/")[2].replace("=", "-").replace(" ", "-")
        self.settings = {**SMALL_BATCHES, "GAMIFICATION_CONSUMER_GROUP": f"award-{group[-40:]}"}
        self.application = Application(addresses, logs, self.settings)
        self.auditor = Auditor(addresses, boards_kept_days=BOARDS_KEPT_DAYS)
        self.schemas = WriterSchemas.from_registry(addresses.registry_url)
        self.activities: list[Activity] = []
        """Valid events that were sent and are not among those of `load`."""
        self.bad: list[BadRecord] = []
        self.corrections: dict[Person, list[Correction]] = {}
        """What operators did; what they took, after everything else was counted."""
        self.letter_statuses: dict[str, str] = {}
        """What should become of dead letters, by reason, where they do not stay parked."""
        self.granted: Granted = {}
        """Badges that were given by calls."""
        self._merchants: dict[bytes, MerchantSettings] = {}
        self._loads: list[tuple[Stream, Load]] = []
        self._expected_dead: set[str] = set()

    @property
    def servers(self) -> Stack:
        return self._ground.stack

    @property
    def workers(self) -> list[Worker]:
        return self.application.workers

    def start(self, *kinds: str) -> tuple[Worker, ...]:
        """One ready process of each kind."""
        return self.application.start(*kinds)

    def launch(self, kind: str, settings: Mapping[str, str] | None = None) -> Worker:
        """One more process of this kind that is not waited for."""
        worker = self.application.worker(kind, settings)
        worker.launch()
        return worker

    def doomed(self, kind: str, kill_at: str) -> Worker:
        """One more process, which kills itself at a named point: `name:n`."""
        worker = self.launch(kind, {"GAMIFICATION_KILL_AT": kill_at})
        self._expected_dead.add(worker.name)
        return worker

    def kill(self, worker: Worker) -> None:
        """SIGKILL, which this test does not take for a crash."""
        self._expected_dead.add(worker.name)
        worker.kill()

    def excuse(self, worker: Worker) -> None:
        """This process may have ended by the time everything is settled."""
        self._expected_dead.add(worker.name)

    def load(self, events: int, per_s: int = 1_500, seed: int = 1, bad_of_each: int = 1) -> Load:
        """Say who the customers are, wait until that is counted, then publish on and on.

        Needs an award worker that runs.
        """
        stream = self.stream(events, seed, bad_of_each)
        self.prepare_customers(stream)
        load = Load(stream.main(), self.addresses.kafka_bootstrap, self.schemas, per_s)
        self._loads.append((stream, load))
        return load

    def stream(self, events: int, seed: int = 1, bad_of_each: int = 0) -> Stream:
        """Events of some hundred customers; nothing of it is sent."""
        return generate(
            seed,
            events,
            until_ms=time.time_ns() // 1_000_000,
            customers=max(100, events // 20),
            bad_of_each=bad_of_each,
        )

    def prepare_customers(self, stream: Stream) -> None:
        """Merchants with their time zones, and the stream's first wave, counted."""
        with psycopg.connect(self.addresses.postgres_dsn) as database:
            for merchant in stream.population.merchants:
                database.execute(ADD_MERCHANT, (merchant.text, merchant.timezone))
                self._merchants[merchant.id] = MerchantSettings(timezone=merchant.timezone)
        before = self.counted()
        sent = self.publish(stream.settings())
        eventually(lambda: self.counted() >= before + sent, within_s=SETTINGS_WITHIN_S, every_s=0.1)

    def publish(self, deliveries: Iterable[Delivery]) -> int:
        """Send these now; return how many. What is bad among them is expected as dead letters.

        The caller adds what shall be counted to `activities`.
        """
        sent = publish(deliveries, self.addresses.kafka_bootstrap, self.schemas)
        self.bad += map(_as_bad, sent.bad)
        return sent.total

    def counted(self) -> int:
        """Events that are counted by now."""
        with psycopg.connect(self.addresses.postgres_dsn) as database:
            row = database.execute(COUNTED).fetchone()
        return int(row[0]) if row else 0

    def wait_counted(self, more: int, within_s: float = DRAINED_WITHIN_S) -> None:
        """Until so many more events than now are counted: it works (again)."""
        wanted = self.counted() + more
        eventually(lambda: self.counted() >= wanted, within_s=within_s, every_s=0.05)

    def wait_dead(self, worker: Worker, within_s: float = DIED_WITHIN_S) -> int:
        """Until it ended; return its exit code."""
        eventually(lambda: not worker.is_running(), within_s=within_s)
        assert worker.exit_code is not None
        return worker.exit_code

    def sent_events(self) -> int:
        """Valid events that were or are being sent: what will be counted in the end."""
        return len(self.activities) + sum(1 for _ in self._of_loads())

    def wait_all_counted(self, within_s: float = DRAINED_WITHIN_S) -> None:
        """Until every valid event that was or is being sent is counted."""
        for _stream, load in self._loads:
            load.finish()
        wanted = self.sent_events()
        eventually(lambda: self.counted() == wanted, within_s=within_s, every_s=0.1)

    def wait_inputs_handled(self, within_s: float = DRAINED_WITHIN_S) -> None:
        """Until Postgres holds the offsets at which the input topics end, whatever else waits."""
        with closing(Drain(self.addresses)) as drain:
            eventually(lambda: not drain._inputs(), within_s=within_s, every_s=0.1)

    def dead_letters(self) -> int:
        """How many records were put away so far."""
        with psycopg.connect(self.addresses.postgres_dsn) as database:
            row = database.execute("SELECT count(*) FROM dead_letters").fetchone()
        return int(row[0]) if row else 0

    def wait_frozen(self, worker: Worker, within_s: float = DIED_WITHIN_S) -> None:
        """Until it stopped itself at its kill point."""
        status = Path(f"/proc/{worker.pid}/stat")
        eventually(
            lambda: status.read_text().rpartition(")")[2].split()[0] == "T", within_s=within_s
        )

    def drain(self, within_s: float = DRAINED_WITHIN_S) -> None:
        """Until everything that was sent went all the way."""
        for _stream, load in self._loads:
            load.finish()
        deadline = time.monotonic() + within_s
        try:
            # A broker that is just back may still refuse to say where its topics end.
            eventually(lambda: self._drained(deadline), within_s=within_s)
        except (AssertionError, TimeoutError) as error:
            raise AssertionError(f"{error}\n{self.last_words()}") from error

    def _drained(self, deadline: float) -> None:
        try:
            with closing(Drain(self.addresses)) as drain:
                drain.wait(max(1.0, deadline - time.monotonic()))
        except KafkaException as error:
            raise AssertionError(str(error)) from error

    def settle(self, within_s: float = DRAINED_WITHIN_S, *, deadlocks_met: int = 0) -> Report:
        """Everything went all the way, nobody crashed or met a deadlock, the invariants hold."""
        self.drain(within_s)
        report = self.audit()
        assert report.ok, str(report)
        self.assert_nobody_crashed()
        assert deadlocks(self.addresses.postgres_dsn) == deadlocks_met
        return report

    def audit(self) -> Report:
        """The four invariants against all that was sent."""
        activities = [*self.activities, *self._of_loads()]
        bad = [*self.bad]
        for _stream, load in self._loads:
            bad += map(_as_bad, load.finish().bad)
        return self.auditor.check(
            Inputs(
                rulebooks=RULES,
                activities=activities,
                bad=bad,
                merchants=dict(self._merchants),  # type: ignore[arg-type]
                granted=self.granted,
                corrections=self.corrections,
                letter_statuses=self.letter_statuses,
            )
        )

    def assert_nobody_crashed(self) -> None:
        for worker in self.workers:
            alive = worker.is_running()
            assert alive or worker.name in self._expected_dead, (
                f"{worker.name} ended with {worker.exit_code}:\n{worker.log_text()[-3000:]}"
            )
            assert '"crashed"' not in worker.log_text(), worker.log_text()[-3000:]

    def last_words(self) -> str:
        return "\n".join(f"--- {w.name}:\n{w.log_text()[-1500:]}" for w in self.workers)

    def metric(self, worker: Worker, name: str) -> float:
        """The sum of a process's samples whose line begins so; 0 when there are none."""
        with urllib.request.urlopen(f"{worker.url}/metrics", timeout=10) as answer:  # noqa: S310
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def failures(self, worker: Worker) -> float:
        """How often its work failed so far."""
        return self.metric(worker, "gamification_errors_total")

    def wait_failures(self, worker: Worker, more: int, within_s: float = DIED_WITHIN_S) -> None:
        """Until its work failed so many times more: it noticed, and goes on trying."""
        wanted = self.failures(worker) + more
        eventually(lambda: self.failures(worker) >= wanted, within_s=within_s, every_s=0.1)
        assert worker.is_running()

    def close(self) -> None:
        for _stream, load in self._loads:
            load.finish()
        self.application.close()

    def _of_loads(self) -> Iterator[Activity]:
        for stream, _load in self._loads:
            yield from stream.activities()


def _as_bad(sent: SentBad) -> BadRecord:
    return BadRecord(*sent[:-1], reason=str(sent.fault.reason), merchant=sent.fault.merchant)
