"""Clocks of single processes that jump ahead and back by hours."""

import time
from typing import Final

from tests.chaos.fault import Fault

HOURS_MAX: Final = 8.0
"""An event of now must not look as if it were of tomorrow: that would be refused, and rightly."""
JUMPS: Final = 3
KINDS: Final = ("award", "relay", "project")
"""Not the service: gRPC waits by the time of day, past what the shim can turn back."""


class ClockJumps(Fault):
    name = "clock-jumps"
    what = "the clocks of some processes jump, ahead or back, by up to eight hours"
    touches = frozenset({"clock"})
    lasts_s = (2.0, 15.0)

    def inject(self) -> object:
        crew = [each for kind in KINDS for each in self.world.crew(kind) if each.clock is not None]
        self._turned = self.random.sample(crew, min(len(crew), self.random.randint(1, 4)))
        told = []
        for _ in range(JUMPS):
            for member in self._turned:
                hours = self.random.uniform(-HOURS_MAX, HOURS_MAX)
                if member.clock is not None:
                    member.clock.turn(hours * 3600)
                told.append(f"{member.worker.name} {hours:+.2f} h")
            time.sleep(self.for_s / JUMPS)
        return told

    def mend(self) -> object:
        for member in self._turned:
            if member.clock is not None:
                member.clock.turn(0)
        return None
