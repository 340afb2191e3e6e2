"""Where an award worker's time goes: wall, its own CPU and its database session's CPU, by stage.

Functions of the engine are wrapped from outside for a measurement; the engine knows nothing of
it, but for one thing: statements wait for their answers instead of being pipelined. Stages may
lie in each other: each gets what is its own, and what lies between two stages is its
surroundings'. CPU seconds, other than wall, stay true on a busy machine.
"""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

NS_PER_S: Final = 1_000_000_000


class Stage(NamedTuple):
    """A function to wrap. `then`: what follows it in its surroundings until the next stage."""

    module: str
    name: str
    label: str
    then: str = ""


STAGES: Final = (
    Stage("adapters.kafka.consumer", "InputConsumer.poll", "poll Kafka"),
    Stage("wire.decode", "Decoder.decode_all", "decode and check"),
    Stage("adapters.kafka.consumer", "InputConsumer.report", "tell Kafka the position"),
    Stage("application.shortcut", "Shortcut.known_done", "Redis short cut"),
    Stage("application.shortcut", "Shortcut.note", "Redis short cut"),
    Stage("bootstrap", "tell", "metrics and logs"),
    Stage("application.award", "Awarder.award", "rest of the award"),
    Stage("adapters.postgres.offsets", "advance", "move the offsets"),
    Stage("application.award", "Awarder._claim", "claim ids: sort out"),
    Stage("adapters.postgres.processed_events", "claim", "claim ids"),
    Stage("application.award", "Awarder._lock", "lock customers", then="begin turns"),
    Stage("adapters.postgres.profiles", "create_missing", "create profiles"),
    Stage("adapters.postgres.profiles", "lock", "lock and read profiles"),
    Stage("application.award", "_read_needs", "what deciding needs", then="decide"),
    Stage("adapters.postgres.customer_days", "read", "read days"),
    Stage("adapters.postgres.completions", "read", "read completions"),
    Stage("application.award", "write_effects", "rest of the writing", then="rest of the award"),
    Stage("adapters.postgres.ledger", "append", "write ledger"),
    Stage("adapters.postgres.badges", "award", "write badges"),
    Stage("adapters.postgres.profiles", "write", "write profiles"),
    Stage("adapters.postgres.customer_days", "write", "write days"),
    Stage("adapters.postgres.completions", "write", "write completions"),
    Stage("application.award", "announce", "make announcements"),
    Stage("adapters.postgres.outbox", "append", "write outbox and changes"),
)


@dataclass(slots=True)
class Spent:
    """Seconds of one stage."""

    wall_s: float = 0.0
    worker_s: float = 0.0
    server_s: float = 0.0
    calls: int = 0


class Moment(NamedTuple):
    """Nanoseconds that have passed, and that this thread and the session were on a core."""

    wall: int
    worker: int
    server: int


class Stopwatch:
    """Adds up stages of one thread. `session_pid` is the database session's; 0: not to be seen."""

    def __init__(self, outermost: str) -> None:
        self.session_pid = 0
        self.spent: dict[str, Spent] = {}
        self.collecting_s = 0.0
        self._labels = [outermost]
        self._since = self._now()
        self._collecting_since = 0

    def reset(self) -> None:
        """Begin anew, for the same stages."""
        self.spent.clear()
        self.collecting_s = 0.0
        self._since = self._now()

    def enter(self, label: str) -> None:
        self._charge()
        self._labels.append(label)
        self.spent.setdefault(label, Spent()).calls += 1

    def leave(self, then: str = "") -> None:
        self._charge()
        self._labels.pop()
        if then:
            self._labels[-1] = then

    @contextmanager
    def stage(self, label: str) -> Iterator[None]:
        self.enter(label)
        try:
            yield
        finally:
            self.leave()

    def collecting(self, phase: str, _info: dict[str, int]) -> None:
        """For `gc.callbacks`: the collector's time, which is in the stages as well."""
        if phase == "start":
            self._collecting_since = time.thread_time_ns()
        else:
            self.collecting_s += (time.thread_time_ns() - self._collecting_since) / NS_PER_S

    def _charge(self) -> None:
        """What has passed belongs to the innermost stage."""
        now, before = self._now(), self._since
        spent = self.spent.setdefault(self._labels[-1], Spent())
        spent.wall_s += (now.wall - before.wall) / NS_PER_S
        spent.worker_s += (now.worker - before.worker) / NS_PER_S
        spent.server_s += max(0, now.server - before.server) / NS_PER_S
        self._since = now

    def _now(self) -> Moment:
        server = 0
        if self.session_pid:
            # The session waits for us now, so the kernel has added up what it did.
            server = int(Path(f"/proc/{self.session_pid}/schedstat").read_text().split()[0])
        return Moment(time.perf_counter_ns(), time.thread_time_ns(), server)


def instrument(watch: Stopwatch) -> list[str]:
    """Wrap every stage's function; return those that do not exist (any more)."""
    missing: list[str] = []
    for stage in STAGES:
        owner: Any = import_module(f"gamification.{stage.module}")
        *path, name = stage.name.split(".")
        for part in path:
            owner = getattr(owner, part, None)
        original = getattr(owner, name, None)
        if original is None:
            missing.append(f"{stage.module}.{stage.name}")
            continue
        setattr(owner, name, _wrapped(watch, original, stage))
    _instrument_transactions(watch)
    _separate_statements()
    gc.callbacks.append(watch.collecting)
    return missing


def _wrapped(watch: Stopwatch, original: Callable[..., Any], stage: Stage) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        watch.enter(stage.label)
        try:
            return original(*arguments, **named)
        finally:
            watch.leave(stage.then)

    return timed


def _separate_statements() -> None:
    """Wait for every answer: in a pipeline nobody could tell whose time the session spends."""
    award: Any = import_module("gamification.application.award")
    award.pipelined = nullcontext


def _instrument_transactions(watch: Stopwatch) -> None:
    """BEGIN and COMMIT lie in no function of their own."""
    session: Any = import_module("gamification.adapters.postgres.session").EngineSession
    original = session.transaction

    @contextmanager
    def transaction(self: Any) -> Iterator[Any]:
        watch.session_pid = self.database.info.backend_pid
        manager = original(self)
        with watch.stage("begin"):
            tx = manager.__enter__()
        try:
            yield tx
        except BaseException as error:
            if not manager.__exit__(type(error), error, error.__traceback__):
                raise
        else:
            with watch.stage("commit"):
                manager.__exit__(None, None, None)

    session.transaction = transaction
