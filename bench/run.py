"""One fresh database with workers on it: started, watched and metered."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, Self

import psycopg

from bench.ground import Ground
from bench.measurement import Failed
from bench.usage import Meter, identity_of, resident_mib
from deploy.devstack.server import Addresses
from deploy.launch import Application, Worker

LOOK_EVERY_S: Final = 0.02
FIRST_WITHIN_S: Final = 60.0
SLOWEST_PER_S: Final = 100
"""Slower than this many records a second is not measured, but given up."""
LOG_TAIL: Final = 2_000

COUNTED: Final = """
    SELECT coalesce(sum(next_offset), 0)::bigint FROM consumer_offsets WHERE topic = 'points.earned'
"""
WRITTEN: Final = """
    SELECT (SELECT coalesce(max(id), 0) FROM outbox),
           (SELECT CASE WHEN count(*) < 2 THEN 0 ELSE min(last_id) END FROM relay_progress),
           (SELECT extract(epoch FROM max(published_at))::float8 FROM relay_progress)
"""
BACKENDS: Final = """
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = %s
"""


class Look(NamedTuple):
    """How many records were counted at a moment, in seconds since 1970."""

    at: float
    counted: int


@dataclass(slots=True)
class Curve:
    """How a drain went on. `assigned_at`: when the first worker got its partitions."""

    assigned_at: float
    looks: list[Look] = field(default_factory=list)

    @property
    def committed_at(self) -> float:
        return self.looks[-1].at

    @property
    def whole_per_s(self) -> float:
        """From the first fetch to the last commit."""
        return self.looks[-1].counted / (self.committed_at - self.assigned_at)

    @property
    def steady_per_s(self) -> float:
        """Without the first and the last tenth, where not everybody is at work."""
        total = self.looks[-1].counted
        begun = next(look for look in self.looks if look.counted >= total * 0.1)
        ended = next(look for look in self.looks if look.counted >= total * 0.9)
        if ended.at == begun.at:
            raise Failed("too few records to see how fast they are counted")
        return (ended.counted - begun.counted) / (ended.at - begun.at)


class Run:
    """Made by `fresh_run`."""

    def __init__(self, ground: Ground, addresses: Addresses, application: Application) -> None:
        self.ground = ground
        self.addresses = addresses
        self.application = application
        self.database = psycopg.connect(addresses.postgres_dsn, autocommit=True)
        self.on_launch: Callable[[Worker], None] = lambda _worker: None
        """Gets each worker as soon as it is a process."""
        self._first = sum(ground.firsts().values())

    def launch(self, kind: str, settings: Mapping[str, str] | None = None) -> Worker:
        """Begin one worker and do not wait for it."""
        worker = self.application.worker(kind, settings)
        worker.launch()
        self.on_launch(worker)
        return worker

    def meter(self, **others: int) -> Meter:
        """Over the servers, all workers, and `others` by their pids."""
        workers = {each.name: each.identity for each in self.application.workers}
        more = {name: identity_of(pid) for name, pid in others.items()}
        servers = self.ground.server_processes
        return Meter({**servers, **workers, **more}, whole=bool(servers))

    def memory(self) -> dict[str, float]:
        """MiB of each worker at its highest so far."""
        return {each.name: round(resident_mib(each.pid)[1], 1) for each in self.application.workers}

    def backends(self, application_name: str) -> list[int]:
        """Pids of the server's sessions of one kind of worker; [] where we cannot see them."""
        if not self.ground.server_processes:
            return []
        return [pid for (pid,) in self.database.execute(BACKENDS, (application_name,))]

    def counted(self) -> int:
        """Records of `points.earned` whose transaction is committed."""
        row = self.database.execute(COUNTED, prepare=True).fetchone()
        # Before the first assignment there are no rows at all.
        return max(0, int(row[0]) - self._first) if row else 0

    def first_counted(self, after: int = 0) -> None:
        """Return with the first batch, or the first one behind `after` records."""
        deadline = time.monotonic() + FIRST_WITHIN_S
        while self.counted() <= after:
            self._go_on(deadline, "nothing is counted")

    def drain(self, award: Sequence[Worker], records: int) -> Curve:
        """Watch until `records` are counted. Raises Failed when it takes absurdly long."""
        looks: list[Look] = []
        deadline = time.monotonic() + FIRST_WITHIN_S + records / SLOWEST_PER_S
        while not looks or looks[-1].counted < records:
            looks.append(Look(time.time(), self.counted()))
            self._go_on(deadline, f"{looks[-1].counted:,} of {records:,} records are counted")
        return Curve(min(map(assigned_at, award)), looks)

    def announced_at(self, within_s: float = 120.0) -> float:
        """Wait until all outbox rows are published; when the last ones were (since 1970)."""
        deadline = time.monotonic() + within_s
        while True:
            row = self.database.execute(WRITTEN).fetchone()
            if row is not None and row[0] and row[1] >= row[0]:
                return float(row[2])
            self._go_on(deadline, f"outbox (newest, published, when): {row}")

    def backlog(self) -> str:
        """How far everything is, for the message of a failure."""
        newest, published, _ = self.one(WRITTEN)
        return f"{self.counted():,} records counted, {published:,} of {newest:,} rows published"

    def one(self, query: str) -> tuple[Any, ...]:
        """The only row of a query."""
        row = self.database.execute(query.encode()).fetchone()
        return row if row is not None else ()

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _go_on(self, deadline: float, state: str) -> None:
        """Between two looks. Raises Failed when a worker has ended or the time is over."""
        for worker in self.application.workers:
            if not worker.is_running():
                raise Failed(f"{worker.name} ended: {worker.log_text()[-LOG_TAIL:]}")
        if time.monotonic() > deadline:
            raise Failed(f"takes too long: {state}")
        time.sleep(LOOK_EVERY_S)


@contextmanager
def fresh_run(
    ground: Ground,
    name: str,
    settings: Mapping[str, str] | None = None,
    *,
    keep: bool = False,
) -> Iterator[Run]:
    """A database of this name, and no worker yet; leaving ends the workers."""
    told = {"GAMIFICATION_LOG_FORMAT": "json", **(settings or {})}
    with (
        ground.afresh(name, keep=keep) as addresses,
        Application(addresses, ground.folder / name, told) as application,
        closing(Run(ground, addresses, application)) as run,
    ):
        yield run


def assigned_at(worker: Worker) -> float:
    """When it got its first partitions: from then on it fetches."""
    for line in worker.log_text().splitlines():
        if '"assigned"' in line:
            said = json.loads(line)
            if said["event"] == "assigned":
                return datetime.fromisoformat(said["time"]).timestamp()
    raise Failed(f"{worker.name} got no partitions")
