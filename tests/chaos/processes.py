"""Faults of the application's own processes: killed, frozen, stopped, come and gone."""

import time
from typing import ClassVar, Final

from tests.chaos.fault import Fault
from tests.chaos.world import CREW, Member, is_up
from tests.faults.ground import cut_connections
from tests.waiting import eventually

ASLEEP_WITHIN_S: Final = 20
UP_WITHIN_S: Final = 30
GUESTS: Final = 4
THERE: Final = frozenset({"relay", "postgres", "kafka"})
"""Without these a relay does not come as far as a transaction."""


class _Killed(Fault):
    """kill -9, some times in a row; another one begins at once."""

    kind: ClassVar[str]
    lasts_s = (0.5, 6.0)

    def inject(self) -> object:
        deaths = self.random.randint(1, 4)
        killed = []
        for _ in range(deaths):
            member = one_of(self, self.kind)
            if member is not None:
                self.world.kill(member)
                self.world.successor(self.kind)
                killed.append(member.worker.name)
            time.sleep(self.for_s / deaths)
        self.met = bool(killed)
        return killed


class AwardKilled(_Killed):
    name, kind = "award-killed", "award"
    what = "kill -9 of award workers"


class RelayKilled(_Killed):
    name, kind = "relay-killed", "relay"
    what = "kill -9 of relays"


class ProjectKilled(_Killed):
    name, kind = "project-killed", "project"
    what = "kill -9 of projectors"


class ServiceKilled(_Killed):
    name, kind = "service-killed", "service"
    what = "kill -9 of the gRPC service"


class AtKillPoints(Fault):
    name = "at-kill-points"
    what = "one process of each kind dies, or freezes, at the next of its kill points"
    lasts_s = (4.0, 10.0)

    def inject(self) -> object:
        """Whoever stands by gets there only when it leads: so all others of its kind die."""
        told = []
        for kind in self.random.sample(sorted(CREW), len(CREW)):
            for other in self.world.crew(kind):
                self.world.kill(other)
            armed = self.world.armed(kind, turns_max=3)
            told.append(f"{armed.worker.name} {armed.action} {armed.point}")
            time.sleep(self.for_s / len(CREW))
        return told

    def mend(self) -> object:
        self.world.muster()
        return None


class _Frozen(Fault):
    """Stopped wherever it is, and continued after its sessions ended, or before."""

    kind: ClassVar[str]
    lasts_s = (1.0, 24.0)

    def inject(self) -> object:
        self._member = one_of(self, self.kind)
        self.met = self._member is not None
        if self._member is None:
            return None
        self.world.freeze(self._member)
        return self._member.worker.name

    def mend(self) -> object:
        if self._member is not None:
            self.world.thaw(self._member)
        return None


class AwardFrozen(_Frozen):
    name, kind = "award-frozen", "award"
    what = "an award worker stopped past its session, then continued"


class RelayFrozen(_Frozen):
    name, kind = "relay-frozen", "relay"
    what = "a relay stopped for a while, then continued"


class ProjectFrozen(_Frozen):
    name, kind = "project-frozen", "project"
    what = "a projector stopped for a while, then continued"


class ServiceFrozen(_Frozen):
    name, kind = "service-frozen", "service"
    what = "the gRPC service stopped for a while, then continued"


class RebalanceStorm(Fault):
    name = "rebalance-storm"
    what = "award workers come and go"
    lasts_s = (8.0, 16.0)

    def inject(self) -> object:
        for _ in range(GUESTS):
            guest = self.world.launch("award")
            time.sleep(self.for_s / GUESTS)
            if self.random.random() < 0.5:
                self.world.kill(guest)
            else:
                self.world.stop(guest)
        return GUESTS


class StoppedInOrder(Fault):
    name = "stopped-in-order"
    what = "SIGTERM under load: it ends well and in time"
    lasts_s = (1.0, 3.0)

    def inject(self) -> object:
        kind = self.random.choice(("award", "relay", "project", "service"))
        member = one_of(self, kind)
        self.met = member is not None and is_up(member)
        if member is None or not self.met:
            return None
        self.world.stop(member)
        self.world.successor(kind)
        return member.worker.name


class _InTransaction(Fault):
    """A relay stops in the middle of a Kafka transaction."""

    point: ClassVar[str] = "relay.before_kafka_commit"

    def inject(self) -> object:
        others = self.world.crew("relay")
        # Not the warden's: this one sleeps as long as the fault lasts.
        self._sleeper = self.world.launch("relay", f"{self.point}:2:stop")
        self._sleeper.is_held = True
        eventually(lambda: is_up(self._sleeper) or self._sleeper.may_end, within_s=UP_WITHIN_S)
        for other in others:
            self.world.kill(other)
        try:
            self.world.chain.wait_frozen(self._sleeper.worker, within_s=ASLEEP_WITHIN_S)
        except (AssertionError, OSError):
            self.met = False
            return "nothing to publish"
        self._sleeper.action = ""
        self.world.tally.hit(self.point, "stop")
        return self._sleeper.worker.name

    def mend(self) -> object:
        self.world.thaw(self._sleeper)
        self.world.muster()
        return None


class RelayTakenOver(_InTransaction):
    name = "relay-taken-over"
    what = "a relay stopped mid-transaction while another takes over"
    touches = THERE
    lasts_s = (4.0, 20.0)

    def inject(self) -> object:
        said = super().inject()
        # Else Postgres would keep the lock for it as long as it does for any frozen relay.
        cut_connections(self.world.chain.addresses.postgres_dsn, "gamification-relay")
        self.world.launch("relay")
        return said


class KafkaTransactionTimeout(_InTransaction):
    name = "kafka-transaction-timeout"
    what = "a Kafka transaction outlives its time, and nobody else is there"
    touches = THERE
    lasts_s = (14.0, 18.0)


def one_of(fault: Fault, kind: str) -> Member | None:
    """One of those at work; None when there is none just now."""
    crew = fault.world.crew(kind)
    return fault.random.choice(crew) if crew else None
