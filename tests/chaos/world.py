"""What faults find in a round: processes to kill, servers to stop, more to send."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from typing import Final

from bench.workload import Delivery, Stream, WriterSchemas
from deploy.devstack.errors import NotReady
from deploy.launch import Worker
from deploy.neighbours.auth import Auth
from deploy.neighbours.running import Running
from deploy.neighbours.users import Users
from gamification.domain.activity import Activity
from tests.chaos.crashes import in_librdkafka
from tests.chaos.journal import Journal
from tests.chaos.points import ONCE, Deck
from tests.chaos.tally import Tally
from tests.faults.deliveries import firsts
from tests.faults.harness import Chain
from tests.faults.load import Load
from tests.oracle.letters_audit import BadRecord
from tests.shim import Clock, Disk, Shim

CREW: Final = {"award": 3, "relay": 2, "project": 2, "service": 1}
"""How many of each there should be."""
ARMED_SHARE: Final = 0.7
"""Of the processes that take a dead one's place."""
FREEZE_SHARE: Final = 0.35
"""Of the kill points, where the process freezes instead of dying."""
TURNS_MAX: Final = 12
STOPPED_WITHIN_S: Final = 25
"""Ten are allowed; this is a busy machine, where even the look at the clock comes late."""
STORED_WITHIN_S: Final = 240
"""The last record may be sent just before the broker goes away, more than once."""
ENDED_WELL: Final = (0, 5)
"""In order, or by itself because a server that hangs held it up."""
NOT_BEGUN: Final = -15
"""A signal before the first line simply ends a process."""


@dataclass(slots=True)
class Member:
    """One process of the application, and what is to be expected of it."""

    worker: Worker
    kind: str
    clock: Clock | None
    point: str = ""
    action: str = ""
    """`kill` or `stop`, at `point`; empty when nothing of that kind is to happen."""
    is_held: bool = False
    """A fault has frozen it."""
    may_end: bool = False
    """A fault has ended it, or is about to."""


@dataclass(slots=True, kw_only=True)
class Site:
    """What a round has besides the chain of processes."""

    auth: Running[Auth]
    users: Running[Users]
    grpc_port: int
    shim: Shim | None
    disk: Disk | None


@dataclass(slots=True)
class Sending:
    """Something that is being published besides the load."""

    load: Load
    activities: list[Activity] = field(default_factory=list)


class World:
    """Of one round. Faults call it from threads of their own."""

    def __init__(
        self, chain: Chain, site: Site, journal: Journal, tally: Tally, random: Random
    ) -> None:
        self.chain = chain
        self.site = site
        self.journal = journal
        self.tally = tally
        self.stream: Stream
        self.problems: list[str] = []
        self.is_calm = False
        """Nothing is armed any more: the round comes to its end."""
        self.members: list[Member] = []
        self.turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        """Whose turn it is to touch a server."""
        self.poisoned: list[Delivery] = []
        self.sendings: list[Sending] = []
        self._random = random
        self._decks = {kind: Deck(kind, random) for kind in CREW}
        self._lock = threading.RLock()

    def fail(self, problem: str) -> None:
        """Something happened that must not."""
        self.journal.note("fail", problem=problem)
        self.problems.append(problem)

    def crashed(self, member: Member) -> None:
        """Not by us: for the data one more kill -9. It is counted, and told at the end."""
        self.journal.note("crashed in librdkafka", worker=member.worker.name)
        self.tally.crashed()

    def crew(self, kind: str) -> list[Member]:
        """Those that should be at work, the oldest first."""
        with self._lock:
            return [
                each
                for each in self.members
                if each.kind == kind and not each.may_end and each.worker.is_running()
            ]

    def launch(self, kind: str, kill_at: str = "") -> Member:
        """One more, not waited for. `kill_at`: name:n or name:n:stop."""
        with self._lock:
            shim = self.site.shim
            clock = None if shim is None else shim.clock(f"{kind}-{len(self.members)}")
            settings: dict[str, str] = dict(clock.environment) if clock is not None else {}
            if kind == "service":
                settings |= self._of_service()
            if kill_at:
                settings["GAMIFICATION_KILL_AT"] = kill_at
            worker = self.chain.launch(kind, settings)
            point, _, how = kill_at.partition(":")
            action = ("stop" if how.endswith("stop") else "kill") if point else ""
            member = Member(worker, kind, clock, point, action)
            self.members.append(member)
            return member

    def successor(self, kind: str) -> Member:
        """One that takes another one's place; mostly armed, so that it will not live long."""
        with self._lock:
            if self.is_calm or self._random.random() > ARMED_SHARE:
                return self.launch(kind)
            return self.armed(kind)

    def armed(self, kind: str, turns_max: int = TURNS_MAX) -> Member:
        """One that dies or freezes at the next of its kill points, soon."""
        with self._lock:
            point = self._decks[kind].draw()
            turn = 1 if point in ONCE else self._random.randint(1, turns_max)
            stop = ":stop" if self._random.random() < FREEZE_SHARE else ""
            return self.launch(kind, f"{point}:{turn}{stop}")

    def muster(self) -> None:
        """As many of each kind as there should be."""
        for kind, wanted in CREW.items():
            while len(self.crew(kind)) < wanted:
                self.successor(kind)

    def kill(self, member: Member) -> None:
        """SIGKILL, unless another fault is about to end it."""
        with self._lock:
            if member.may_end:
                return
            member.may_end = True
        self.chain.kill(member.worker)

    def stop(self, member: Member) -> None:
        """SIGTERM. It must end in time, and well; who was frozen goes on for that."""
        with self._lock:
            if member.may_end:
                return
            member.may_end = True
            if member.is_held:
                self.thaw(member)
        self.chain.excuse(member.worker)
        in_time = member.worker.stop(within_s=STOPPED_WITHIN_S)
        code = member.worker.exit_code
        if not in_time:
            self.fail(f"{member.worker.name} did not stop within {STOPPED_WITHIN_S} s")
        elif code == NOT_BEGUN and not is_up(member):
            return
        elif in_librdkafka(member.kind, member.worker):
            self.crashed(member)
        elif code not in ENDED_WELL and not (member.action == "kill" and code == -9):
            self.fail(f"{member.worker.name} was asked to stop and ended with {code}")

    def freeze(self, member: Member) -> None:
        """SIGSTOP, unless another fault is about to end it."""
        with self._lock:
            if member.may_end:
                return
            member.is_held = True
            with suppress(NotReady):  # it has ended meanwhile
                member.worker.pause()

    def thaw(self, member: Member) -> None:
        with suppress(NotReady):
            member.worker.resume()
        member.is_held = False

    def send(
        self,
        deliveries: Iterable[Delivery],
        per_s: int,
        activities: Iterable[Activity] = (),
        schemas: WriterSchemas | None = None,
    ) -> None:
        """Publish, and go on. `activities` are what shall be counted of it, once."""
        load = Load(
            deliveries,
            self.chain.addresses.kafka_bootstrap,
            schemas or self.chain.schemas,
            per_s,
            STORED_WITHIN_S,
        )
        with self._lock:
            self.sendings.append(Sending(load, list(activities)))

    def send_stream(self, per_s: int) -> None:
        """Begin the load."""
        self.send(self.stream.main(), per_s, self.stream.activities())

    def more(
        self, seed: int, events: int, *, bad_of_each: int = 0, days: int | None = None
    ) -> Stream:
        """Another stream of the same customers."""
        return replace(
            self.stream,
            seed=seed,
            events=events,
            bad_of_each=bad_of_each,
            days=self.stream.days if days is None else days,
        )

    @cached_property
    def events(self) -> list[Delivery]:
        """The valid events of the load."""
        return firsts(self.stream)

    def finish_sendings(self) -> int:
        """Wait until all is stored, and expect it of the engine; how many records."""
        records = 0
        for sending in self.sendings:
            sent = sending.load.finish()
            records += sent.total
            self.chain.bad += map(BadRecord.of, sent.bad)
            self.chain.activities += sending.activities
        return records

    def _of_service(self) -> Mapping[str, str]:
        return {
            "GAMIFICATION_GRPC_PORT": str(self.site.grpc_port),
            "AUTH_HOST": self.site.auth.address,
            "USERS_HOST": self.site.users.address,
        }


def is_up(member: Member) -> bool:
    """Whether it came as far as its first line."""
    return '"started"' in member.worker.log_text()
