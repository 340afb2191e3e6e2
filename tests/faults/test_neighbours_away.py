"""Auth and users services away, slow, failing and lying while badges are given under load."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import grpc
import pytest

from deploy.caller import Caller, award_status
from deploy.devstack.ports import Ports
from deploy.neighbours.auth import Auth
from deploy.neighbours.behaviour import Lie
from deploy.neighbours.running import Running
from deploy.neighbours.tokens import mint
from deploy.neighbours.users import Users
from gamification.domain.identity import Scope
from gamification.domain.ids import BadgeId, CustomerId, MerchantId
from tests.faults.harness import Chain
from tests.waiting import eventually

pytestmark = pytest.mark.faults

BADGE = BadgeId("host")
TOO_SLOW_S = 20.0
REFUSED = {"UNAVAILABLE", "PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND"}
"""Which of them depends on the trouble, and on whether the circuit is open by then."""


class Desk:
    """Gives badges to customers of whom nobody has heard, for one merchant."""

    def __init__(self, caller: Caller, merchant: MerchantId) -> None:
        self._caller = caller
        self._merchant = merchant
        self.given: dict[tuple[MerchantId, CustomerId], set[BadgeId]] = {}

    def ask(self, customer: uuid.UUID) -> str:
        """The status; of a refused call its code. With a token of its own."""
        token = mint(str(uuid.UUID(bytes=self._merchant)), [Scope.AWARD])
        try:
            return award_status(self._caller.award(token, str(customer), BADGE, "en"))
        except grpc.RpcError as error:
            ended: Any = error
            return str(ended.code().name)

    def gives(self, customer: uuid.UUID) -> bool:
        if self.ask(customer) not in {"AWARDED", "ALREADY_AWARDED"}:
            return False
        self.given[self._merchant, CustomerId(customer.bytes)] = {BADGE}
        return True


@contextmanager
def trouble(one: Running[Any], how: str) -> Iterator[None]:
    """While it lasts, this neighbour is of no help."""
    behaviour = one.behaviour
    match how:
        case "away":
            one.stop()
        case "slow":
            behaviour.delay_s = TOO_SLOW_S
        case "failing":
            behaviour.status = grpc.StatusCode.INTERNAL
        case _:
            behaviour.lie = Lie(how)
    yield
    behaviour.be_well()
    one.start()


def test_nobody_gets_a_badge_that_was_refused_and_everybody_does_later(chain: Chain) -> None:
    chain.start("award", "relay", "project")
    load = chain.load(events=2_500, per_s=100)
    merchant = chain.stream(events=1).population.merchants[0].id
    with ExitStack() as stack:
        auth = stack.enter_context(Running(Auth()))
        users = stack.enter_context(Running(Users(knows_everybody=True)))
        ports = Ports()
        stack.callback(ports.release)
        address = f"127.0.0.1:{(port := ports.take())}"
        where = {"AUTH_HOST": auth.address, "USERS_HOST": users.address}
        service = chain.launch("service", {**where, "GAMIFICATION_GRPC_PORT": str(port)})
        service.wait_ready()
        caller = stack.enter_context(closing(Caller(address, str(uuid.UUID(bytes=merchant)))))
        desk = Desk(caller, merchant)
        for one, ways in (
            (auth, ("away", "slow", "failing", "garbage", "nonsense", "other_merchant")),
            (users, ("away", "slow", "failing", "garbage", "nobody")),
        ):
            for how in ways:
                customer = uuid.uuid4()
                with trouble(one, how):
                    assert desk.ask(customer) in REFUSED, how
                eventually(lambda who=customer: desk.gives(who), within_s=60, every_s=0.2)  # type: ignore[misc]
        load.finish()
        chain.granted = desk.given
        chain.settle()
        chain.excuse(service)
        service.stop()
