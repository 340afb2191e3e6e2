"""Another stream processor as processes of its own, with topics of its own that go afterwards."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from confluent_kafka import Message
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.ground import ASK_WITHIN_S, Ground
from bench.peers.contestant import Variant, log_text
from bench.peers.job import Badge
from bench.points import TOPIC
from bench.report import ROOT
from deploy.devstack.process import Command, Process

SCHEMA: Final = ROOT / "schemas" / f"{TOPIC}.avsc"
BEGUN: Final = "first "
"""What a program writes before the time (seconds since 1970) of its first record."""
STOP_WITHIN_S: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What one process is told. `group` is new, `folder` its own, and the input is TOPIC."""

    kafka: str
    group: str
    output: str
    partitions: int
    folder: Path


class External(ABC):
    """See Contestant. Subclasses say how one process is started."""

    name: str
    promise: str
    keeps: str
    drains: tuple[Variant, ...]
    paced: tuple[Variant, ...]

    @abstractmethod
    def prepare(self) -> None:
        """Make its programs ready. Raises Failed or DevstackError."""

    @abstractmethod
    def command(self, place: Place, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """What to execute; may write files into the place's folder."""

    def own_topics(self, run: str) -> tuple[str, ...]:  # noqa: ARG002  # for those who have some
        """Topics beside the output that the peer needs to find."""
        return ()

    @contextmanager
    def enter(self, ground: Ground, variant: Variant, run: str) -> Iterator["Running"]:
        admin = AdminClient({"bootstrap.servers": ground.kafka, "log_level": 0})
        output = f"{run}.badges"
        partitions = len(ground.firsts())
        wanted = [NewTopic(name, partitions, 1) for name in (output, *self.own_topics(run))]
        for made in admin.create_topics(wanted).values():
            made.result(ASK_WITHIN_S)
        places = [
            Place(
                kafka=ground.kafka,
                group=run,
                output=output,
                partitions=partitions,
                folder=ground.folder / f"{run}-{number}",
            )
            for number in range(variant.processes)
        ]
        running = Running(output, [self._process(place, variant) for place in places])
        try:
            yield running
        finally:
            running.stop()
            _delete_topics(admin, run)

    def _process(self, place: Place, variant: Variant) -> Process:
        place.folder.mkdir(parents=True)
        command = Command(
            argv=self.command(place, variant.settings),
            cwd=place.folder,
            log=place.folder.with_suffix(".log"),
            # Only our envelope comes from here; all else from the peer's own environment.
            env={"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        )
        return Process(place.folder.name, command, lambda: True)


@dataclass(slots=True)
class Running:
    """See Entered."""

    output: str
    processes: Sequence[Process]

    def read(self, message: Message) -> Badge | None:
        told = orjson.loads(message.value() or b"{}")
        return Badge(told["customer_id"], told["badge"])

    def launch(self) -> None:
        for process in self.processes:
            process.launch()

    def begun_at(self) -> float | None:
        told = [
            float(line.removeprefix(BEGUN))
            for process in self.processes
            for line in log_text(process).splitlines()
            if line.startswith(BEGUN)
        ]
        return min(told, default=None)

    def stop(self) -> None:
        """Ask all to end before waiting for any."""
        for process in self.processes:
            process.ask_to_stop()
        deadline = time.monotonic() + STOP_WITHIN_S
        for process in self.processes:
            process.stop(max(0.1, deadline - time.monotonic()))


def _delete_topics(admin: AdminClient, run: str) -> None:
    """The output, and whatever the peer made under its group's name."""
    topics = [each for each in admin.list_topics(timeout=ASK_WITHIN_S).topics if run in each]
    for gone in admin.delete_topics(topics).values() if topics else ():
        gone.result(ASK_WITHIN_S)
