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
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from bench.workload import Delivery, Sent, Stream, WriterSchemas, generate, publish
from bench.workload.drained import INPUTS, Drain
from bench.workload.ends import Ends
from deploy.demo import facts, steady
from deploy.demo.screen import Screen
from deploy.devstack.database import create_database, drop_database
from deploy.devstack.errors import DevstackError, NotReady
from deploy.devstack.flavour import BENCH
from deploy.devstack.server import Addresses
from deploy.devstack.start import start
from deploy.launch import Application
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

    def __init__(self, screen: Screen, addresses: Addresses, stream: Stream, steady_s: int) -> None:
        self._screen = screen
        self._addresses = addresses
        self._stream = stream
        self._steady_s = steady_s
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
        with self._screen.step(f"A steady {STEADY_PER_S} events a second for {self._steady_s} s"):
            planned, latency = self._steady()
        with self._screen.step("An auditor that shares no code with the engine compares"):
            report = self._auditor.check(self._inputs(planned))
        shown = merchants[0].text
        self._screen.show(
            dict(sorted(self._sent.by_topic.items())),
            facts.gather(self._addresses, shown, PLACES),
            shown,
        )
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

    def _steady(self) -> tuple[list[Delivery], steady.Latency]:
        addresses = self._addresses
        begin_ms = int(time.time() * 1000) + LEAD_IN_MS
        merchants = self._stream.population.merchants
        planned = list(steady.deliveries(SEED, merchants, STEADY_PER_S, self._steady_s, begin_ms))
        with closing(steady.Seen(addresses.kafka_bootstrap, addresses.registry_url)) as seen:
            latency = steady.measure(
                planned, STEADY_PER_S, addresses.kafka_bootstrap, self._schemas, seen
            )
        self._sent.by_topic.update(each.topic for each in planned)
        with closing(Drain(addresses)) as drain:
            drain.wait(DRAINED_WITHIN_S)
        return planned, latency

    def _inputs(self, planned: list[Delivery]) -> Inputs:
        dsn = self._addresses.postgres_dsn
        return Inputs(
            rulebooks=active_rulebooks(dsn),
            activities=[*self._stream.activities(), *steady.said_by(planned)],
            bad=[BadRecord.of(bad) for bad in self._sent.bad],
            merchants=merchant_settings(dsn),
        )


def demonstrate(screen: Screen, events: int, steady_s: int) -> bool:
    """Whether all four invariants hold. Raises DevstackError when the servers do not start."""
    begun = time.monotonic()
    stream = generate(SEED, events, until_ms=int(time.time() * 1000), customers=CUSTOMERS)
    with screen.step("Starting Kafka, a schema registry, Postgres and Redis"):
        servers = start(flavour=BENCH)
    with servers, tempfile.TemporaryDirectory(prefix="gamification-demo-") as logs:
        database = f"demo_{time.time_ns()}"
        dsn = create_database(servers.addresses.postgres_dsn, database)
        addresses = dataclasses.replace(servers.addresses, postgres_dsn=dsn)
        try:
            with Application(addresses, Path(logs)) as application:
                with screen.step("Creating topics, schemas and tables; starting the processes"):
                    application.prepare()
                    _want_fresh_topics(addresses)
                    merchants = stream.population.merchants
                    facts.set_timezones(dsn, {each.text: each.timezone for each in merchants})
                    demo = Demo(screen, addresses, stream, steady_s)
                    application.start()
                report = demo.run()
        finally:
            drop_database(servers.addresses.postgres_dsn, database)
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
