"""Faults of the services that ours asks: away, slow, failing, lying."""

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
OF_AUTH = (Lie.GARBAGE, Lie.NONSENSE, Lie.OTHER_MERCHANT, Lie.OTHER_TOKEN, Lie.EXPIRED)
OF_USERS = (Lie.GARBAGE, Lie.NONSENSE, Lie.NOBODY, Lie.EVERYBODY, Lie.OTHER_CUSTOMER)


def bend(fault: Fault, one: Running[Auth] | Running[Users], lies: tuple[Lie, ...]) -> str:
    """Let it be away, slow, failing or lying; say which."""
    match fault.random.choice(("away", "slow", "failing", "lying")):
        case "away":
            one.stop()
            return "away"
        case "slow":
            one.behaviour.delay_s = fault.random.uniform(0.2, 8.0)
            return f"{one.behaviour.delay_s:.1f} s late"
        case "failing":
            one.behaviour.status = fault.random.choice(ERRORS)
            return one.behaviour.status.name
        case _:
            one.behaviour.lie = fault.random.choice(lies)
            return one.behaviour.lie.value


class AuthAway(Fault):
    name = "auth-away"
    what = "the auth service away, slow, failing or lying"
    touches = frozenset({"auth"})
    lasts_s = (2.0, 12.0)

    def inject(self) -> object:
        return bend(self, self.world.site.auth, OF_AUTH)

    def mend(self) -> object:
        self.world.site.auth.behaviour.be_well()
        self.world.site.auth.start()
        return None


class UsersAway(Fault):
    name = "users-away"
    what = "the users service away, slow, failing or lying"
    touches = frozenset({"users"})
    lasts_s = (2.0, 12.0)

    def inject(self) -> object:
        return bend(self, self.world.site.users, OF_USERS)

    def mend(self) -> object:
        self.world.site.users.behaviour.be_well()
        self.world.site.users.start()
        return None
