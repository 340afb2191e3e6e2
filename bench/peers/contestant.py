"""What one who does the job looks like to whoever measures."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from confluent_kafka import Message

from bench.ground import Ground
from bench.measurement import Failed
from bench.peers.job import Badge
from deploy.devstack.identity import tree
from deploy.devstack.process import Process

LOG_TAIL: Final = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to run a contestant. `settings` differ from what its common settings say."""

    name: str
    processes: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)

    def about(self) -> dict[str, Any]:
        """For the results."""
        return {"variant": self.name, "processes": self.processes, "settings": dict(self.settings)}


class Entered(Protocol):
    """A contestant whose topics are there and who has not begun."""

    @property
    def output(self) -> str:
        """The topic of the badges."""

    def read(self, message: Message) -> Badge | None:
        """The badge that a record of the output announces."""

    @property
    def processes(self) -> Sequence[Process]:
        """Those that are launched."""

    def launch(self) -> None:
        """Begin to consume; return at once."""

    def begun_at(self) -> float | None:
        """When the first record was consumed, in seconds since 1970; None before that."""

    def stop(self) -> None:
        """End all processes in order; the topics stay."""


class Contestant(Protocol):
    """`drains` and `paced` (by a schedule) are compared; of each the best one counts."""

    @property
    def name(self) -> str: ...

    @property
    def promise(self) -> str:
        """exactly once, or what else."""

    @property
    def keeps(self) -> str:
        """Where its state is, and what it does not do that the engine does or the other way."""

    @property
    def drains(self) -> tuple[Variant, ...]: ...

    @property
    def paced(self) -> tuple[Variant, ...]: ...

    def prepare(self) -> None:
        """Make its programs ready. Raises Failed, Missing or DevstackError."""

    def enter(self, ground: Ground, variant: Variant, run: str) -> AbstractContextManager[Entered]:
        """`run` is a name that was not used before. Leaving ends everything."""


def must_run(processes: Sequence[Process]) -> None:
    """Raises Failed when one has ended."""
    for process in processes:
        if not process.is_running():
            raise Failed(f"{process.name} ended with {process.exit_code}: {log_tail(process)}")


def log_text(process: Process) -> str:
    """All that it wrote so far."""
    log = process.command.log
    return log.read_text(errors="replace") if log.exists() else ""


def log_tail(process: Process) -> str:
    """For messages of failures."""
    return log_text(process)[-LOG_TAIL:]


def pids(processes: Sequence[Process]) -> Iterator[int]:
    """Of all of them and their children."""
    for process in processes:
        yield from (each.pid for each in tree(process.identity))
