"""Another service that gives badges, and asks again until it is answered: an input like events."""

import threading
import time
import uuid
from collections import deque
from random import Random
from typing import Any, Final, Self

import grpc

from deploy.caller import Caller, award_status
from deploy.neighbours.tokens import mint
from gamification.domain.identity import Scope
from gamification.domain.ids import BadgeId, CustomerId, MerchantId
from tests.chaos.world import World
from tests.oracle.expected import Person
from tests.oracle.model import Granted

BADGES: Final = ("host", "ambassador", "welcome", "veteran")
GIVEN: Final = frozenset({"AWARDED", "ALREADY_AWARDED"})
PER_S: Final = 4.0
NEW_SHARE: Final = 0.2
"""Customers of whom nobody here has heard."""
AGAIN_SHARE: Final = 0.2
"""Calls that are made once more though they were answered."""
ANSWERED_WITHIN_S: Final = 90.0
AGAIN_AFTER_S: Final = 0.2
THREADS: Final = 2


class Callers:
    """Calls of some threads, from `with` on. Each pair of customer and badge is one fact."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random
        self._given: dict[Person, set[BadgeId]] = {}
        self._waiting: deque[tuple[Person, BadgeId]] = deque()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._callers: dict[tuple[int, MerchantId], Caller] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name="caller", daemon=True)
            for number in range(THREADS)
        ]
        self.answered = 0
        self.refused = 0

    @property
    def granted(self) -> Granted:
        """What was asked for, and so is given in the end."""
        return self._given

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        for caller in self._callers.values():
            caller.close()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def finish(self) -> None:
        """Begin nothing new, and have everything answered. Raises AssertionError."""
        self.end()
        deadline = time.monotonic() + ANSWERED_WITHIN_S
        while self._waiting:
            person, badge = self._waiting.popleft()
            said = self._call(0, person, badge)
            if said not in GIVEN:
                assert time.monotonic() < deadline, f"AwardBadge is still refused: {said}"
                self._waiting.append((person, badge))
                time.sleep(AGAIN_AFTER_S)

    def _run(self, number: int) -> None:
        while not self._over.wait(THREADS / PER_S):
            with self._lock:
                person, badge = self._next()
            if self._call(number, person, badge) not in GIVEN:
                self._waiting.append((person, badge))

    def _next(self) -> tuple[Person, BadgeId]:
        """Somebody who still waits, somebody again, or a new one."""
        chance = self._random.random()
        if self._waiting and chance < 0.4:
            return self._waiting.popleft()
        if self._given and chance < 0.4 + AGAIN_SHARE:
            person = self._random.choice(list(self._given))
            return person, self._random.choice(sorted(self._given[person]))
        customer = self._world.stream.population.anyone(self._random)
        person = customer.merchant.id, customer.id
        if self._random.random() < NEW_SHARE:
            person = customer.merchant.id, CustomerId(self._random.randbytes(16))
        badge = BadgeId(self._random.choice(BADGES))
        self._given.setdefault(person, set()).add(badge)
        return person, badge

    def _call(self, number: int, person: Person, badge: BadgeId) -> str:
        """A token of its own for each call: what one was told wrongly does not stick."""
        merchant, customer = person
        caller = self._callers.get((number, merchant))
        text = str(uuid.UUID(bytes=merchant))
        if caller is None:
            caller = Caller(f"127.0.0.1:{self._world.site.grpc_port}", text)
            self._callers[number, merchant] = caller
        try:
            answer = caller.award(
                mint(text, [Scope.AWARD]), str(uuid.UUID(bytes=customer)), badge, "en"
            )
        except grpc.RpcError as error:
            ended: Any = error
            self.refused += 1
            return f"{ended.code().name}: {ended.details()}"
        self.answered += 1
        return award_status(answer)
