"""Faults of the services that ours asks: away, slow, failing, lying."""

from abc import abstractmethod
from typing import ClassVar

import grpc

from deploy.neighbours.auth import Auth
from deploy.neighbours.behaviour import Lie
from deploy.neighbours.running import Running
from deploy.neighbours.users import Users
from tests.chaos.fault import Fault

ERRORS = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)


class _Bent(Fault):
    """A neighbour that is away, slow, failing or lying."""

    lasts_s = (2.0, 12.0)
    lies: ClassVar[tuple[Lie, ...]]

    @property
    @abstractmethod
    def neighbour(self) -> Running[Auth] | Running[Users]:
        """Whom it befalls."""

    def inject(self) -> object:
        """Say which it was."""
        one = self.neighbour
        match self.random.choice(("away", "slow", "failing", "lying")):
            case "away":
                one.stop()
                return "away"
            case "slow":
                one.behaviour.delay_s = self.random.uniform(0.2, 8.0)
                return f"{one.behaviour.delay_s:.1f} s late"
            case "failing":
                one.behaviour.status = self.random.choice(ERRORS)
                return one.behaviour.status.name
            case _:
                one.behaviour.lie = self.random.choice(self.lies)
                return one.behaviour.lie.value

    def mend(self) -> object:
        self.neighbour.behaviour.be_well()
        self.neighbour.start()
        return None


class AuthAway(_Bent):
    name = "auth-away"
    what = "the auth service away, slow, failing or lying"
    touches = frozenset({"auth"})
    lies = (Lie.GARBAGE, Lie.NONSENSE, Lie.OTHER_MERCHANT, Lie.OTHER_TOKEN, Lie.EXPIRED)

    @property
    def neighbour(self) -> Running[Auth]:
        return self.world.site.auth


class UsersAway(_Bent):
    name = "users-away"
    what = "the users service away, slow, failing or lying"
    touches = frozenset({"users"})
    lies = (Lie.GARBAGE, Lie.NONSENSE, Lie.NOBODY, Lie.EVERYBODY, Lie.OTHER_CUSTOMER)

    @property
    def neighbour(self) -> Running[Users]:
        return self.world.site.users
