"""What every fault of the random run has in common."""

from abc import ABC, abstractmethod
from random import Random
from typing import ClassVar

from tests.chaos.world import World


class Fault(ABC):
    """Something that goes wrong for a while. One object for each time that it does.

    `inject` and `mend` may take their time: each fault has a thread of its own. What they do
    depends on `random` alone, as far as the processes that are there allow it.
    """

    name: ClassVar[str]
    what: ClassVar[str]
    """For people, in a few words."""
    touches: ClassVar[frozenset[str]] = frozenset()
    """Faults that touch the same server never overlap; all others may."""
    lasts_s: ClassVar[tuple[float, float]] = (1.0, 4.0)
    """At least, at most."""

    def __init__(self, world: World, random: Random, lasts_s: float) -> None:
        self.world = world
        self.random = random
        self.for_s = lasts_s
        self.met = True
        """Whether it found what it was meant for; else it does not count."""

    @abstractmethod
    def inject(self) -> object:
        """Let it happen; return what is worth noting."""

    def mend(self) -> object:
        """Undo what does not pass by itself."""
        return None
