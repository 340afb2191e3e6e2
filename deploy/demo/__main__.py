"""Starts everything, lets a realistic stream through, and has an independent auditor look at it.

Leaves nothing running. `make up` keeps such a system for trying things out.
"""

import argparse
import dataclasses
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from bench.workload import Delivery, Sent, Stream, WriterSchemas, generate, publish
from bench.workload.drained import INPUTS, Drain
from bench.workload.ends import Ends
from deploy.demo import facts, steady
from deploy.demo.front_door import FrontDoor
from deploy.demo.screen import Screen
from deploy.devstack.database import create_database, drop_database
from deploy.devstack.errors import DevstackError, NotReady
from deploy.devstack.flavour import BENCH
from deploy.devstack.ports import Ports
from deploy.devstack.server import Addresses
from deploy.devstack.start import start
from deploy.launch import KINDS, Application
from deploy.neighbours.process import NeighboursProcess
from tests.oracle.checker import Auditor, Inputs
from tests.oracle.letters_audit import BadRecord
from tests.oracle.live_rules import active_rulebooks, merchant_settings
from tests.oracle.report import Report

SEED: Final = 20_26
EVENTS: Final = 40_000
CUSTOMERS: Final = 3_000
STEADY_PER_S: Final = 200
STEADY_S: Final = 15
LEAD_IN_MS: Final = 1_500
"""Until the first event of the steady phase is due."""
DRAINED_WITHIN_S: Final = 120
PLACES: Final = 10


class Demo:
    """One run against prepared servers with a database of its own; made before the processes."""

    def __init__(
        self,
        screen: Screen,
        addresses: Addresses,
        stream: Stream,
        steady_s: int,
        front_door: FrontDoor,
    ) -> None:
        self._screen = screen
        self._addresses = addresses
        self._stream = stream
        self._steady_s = steady_s
        self._front_door = front_door
        self._schemas = WriterSchemas.from_registry(addresses.registry_url)
        # What the topics held before this run belongs to somebody else.
        self._auditor = Auditor(addresses, from_now=True)
        self._sent = Sent()

    def run(self) -> Report:
        """Everything after set-up; the report is the auditor's."""
        merchants = self._stream.population.merchants
        with self._screen.step("Telling who the customers are (locale, time zone)"):
            self._send_all(list(self._stream.settings()), "settings")
        stream = list(self._stream.main())
        begun = time.monotonic()
        with self._screen.step("What they did: good, late, repeated and bad, in five topics"):
            self._send_all(stream, "events")
        took_s = time.monotonic() - begun
        with closing(self._seen()) as seen:
            with self._screen.step(f"A steady {STEADY_PER_S} events a second, {self._steady_s} s"):
                planned, latency = self._steady(seen)
            with self._screen.step("Another service gives a badge over gRPC, sees it on Kafka"):
                self._front_door.award(seen)
                self._drain()
        with self._screen.step("An auditor that shares no code with the engine compares"):
            report = self._auditor.check(self._inputs(planned))
        # Only now: the auditor compares the entries that this deletes with what was announced.
        with self._screen.step("Another service purges a merchant's audit log over gRPC"):
            self._front_door.purge()
        shown = merchants[0].text
        self._screen.show(
            dict(sorted(self._sent.by_topic.items())),
            facts.gather(self._addresses, shown, PLACES),
            shown,
        )
        self._screen.calls(self._front_door.said)
        self._screen.figures(len(stream), took_s, latency)
        self._screen.verdict(report)
        return report

    def _send_all(self, deliveries: list[Delivery], title: str) -> None:
        """Publish in a thread, and watch until all of it has arrived everywhere."""
        total = len(deliveries)
        published = [0]
        with (
            closing(Drain(self._addresses)) as drain,
            ThreadPoolExecutor(1) as threads,
            self._screen.bar(title, total) as bar,
        ):
            sending = threads.submit(
                publish,
                deliveries,
                self._addresses.kafka_bootstrap,
                self._schemas,
                lambda number: published.__setitem__(0, number),
            )
            while not sending.done():
                waiting = drain.backlog().inputs
                bar.at(max(0, published[0] - waiting), f"({waiting:,} wait in Kafka)")
                time.sleep(0.25)
            self._sent += sending.result()
            drain.wait(
                DRAINED_WITHIN_S,
                lambda left: bar.at(total - left.inputs, f"(to be announced: {left.outbox:,})"),
            )
            bar.at(total)

    def _seen(self) -> steady.Seen:
        return steady.Seen(self._addresses.kafka_bootstrap, self._addresses.registry_url)

    def _steady(self, seen: steady.Seen) -> tuple[list[Delivery], steady.Latency]:
        begin_ms = int(time.time() * 1000) + LEAD_IN_MS
        merchants = self._stream.population.merchants
        planned = list(steady.deliveries(SEED, merchants, STEADY_PER_S, self._steady_s, begin_ms))
        latency = steady.measure(
            planned, STEADY_PER_S, self._addresses.kafka_bootstrap, self._schemas, seen
        )
        self._sent.by_topic.update(each.topic for each in planned)
        self._drain()
        return planned, latency

    def _drain(self) -> None:
        with closing(Drain(self._addresses)) as drain:
            drain.wait(DRAINED_WITHIN_S)

    def _inputs(self, planned: list[Delivery]) -> Inputs:
        dsn = self._addresses.postgres_dsn
        return Inputs(
            rulebooks=active_rulebooks(dsn),
            activities=[*self._stream.activities(), *steady.said_by(planned)],
            bad=[BadRecord.of(bad) for bad in self._sent.bad],
            merchants=merchant_settings(dsn),
            granted=self._front_door.granted,
        )


def demonstrate(screen: Screen, events: int, steady_s: int) -> bool:
    """Whether all four invariants hold. Raises DevstackError when the servers do not start."""
    begun = time.monotonic()
    stream = generate(SEED, events, until_ms=int(time.time() * 1000), customers=CUSTOMERS)
    with screen.step("Starting Kafka, a schema registry, Postgres and Redis"):
        servers = start(flavour=BENCH)
    with ExitStack() as stack:
        stack.enter_context(servers)
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gamification-demo-")))
        database = f"demo_{time.time_ns()}"
        dsn = create_database(servers.addresses.postgres_dsn, database)
        addresses = dataclasses.replace(servers.addresses, postgres_dsn=dsn)
        stack.callback(drop_database, servers.addresses.postgres_dsn, database)
        merchants = stream.population.merchants
        ports = Ports()
        stack.callback(ports.release)
        grpc_port = ports.take()
        with screen.step("Creating topics, schemas and tables; starting the processes"):
            neighbours = stack.enter_context(closing(NeighboursProcess(logs / "neighbours.log")))
            settings = {**neighbours.environment, "GAMIFICATION_GRPC_PORT": str(grpc_port)}
            application = stack.enter_context(Application(addresses, logs, settings))
            neighbours.launch()
            application.prepare()
            _want_fresh_topics(addresses)
            facts.set_timezones(dsn, {each.text: each.timezone for each in merchants})
            front_door = stack.enter_context(
                closing(FrontDoor(f"127.0.0.1:{grpc_port}", merchants[0].id))
            )
            demo = Demo(screen, addresses, stream, steady_s, front_door)
            application.start(*KINDS, "service")
            neighbours.wait_ready()
        report = demo.run()
    screen.say(f"\nAll of it took {time.monotonic() - begun:.0f} s. Nothing is left running.")
    screen.say("`make up` starts the same and keeps it; `make test` passes the tests.")
    return report.ok


def _want_fresh_topics(addresses: Addresses) -> None:
    """Servers that were there before may hold another stream. Raises NotReady."""
    ends = Ends(addresses.kafka_bootstrap)
    if any(ends.next(ends.places(INPUTS)).values()):
        raise NotReady(
            "the input topics hold records already, which a new database would count too:"
            " delete the topics, or let the demonstration start its own servers"
        )


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=__doc__)
    parser.add_argument(
        "--events", type=int, default=EVENTS, help=f"how many events; {EVENTS:,} unless told"
    )
    parser.add_argument(
        "--steady-s",
        type=int,
        default=STEADY_S,
        help=f"seconds for which latency is measured; {STEADY_S} unless told",
    )
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    try:
        return 0 if demonstrate(Screen(), wanted.events, wanted.steady_s) else 1
    except (DevstackError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
