"""What happens when in a round: from the seed alone, so that it can be had again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.chaos.catalogue import EXTRA, FAULTS
from tests.chaos.fault import Fault

TOGETHER_MAX: Final = 3
LEAD_IN_S: Final = 2.0
CALM_S: Final = 5.0
"""Before the end of the load: what is injected there would meet nothing."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fault. Seconds count from the beginning of the load."""

    number: int
    fault: type[Fault]
    at_s: float
    lasts_s: float
    seed: int

    @property
    def until_s(self) -> float:
        return self.at_s + self.lasts_s


def plan(seed: int, number: int, load_s: float, only: Sequence[type[Fault]] = ()) -> list[Step]:
    """The steps of a round (from 1 on), in their order.

    Faults come from a deck that holds each at least once, so that all have been there after some
    rounds; the deck goes on from round to round. `only`: from these, where somebody looks for one.
    """
    random = Random(f"plan {seed}")
    deck = _deck(random, tuple(only) or (*FAULTS, *EXTRA))
    steps: list[Step] = []
    for _ in range(number):
        steps = _round(random, deck, load_s)
    return steps


def _deck(random: Random, faults: Sequence[type[Fault]]) -> Iterator[type[Fault]]:
    while True:
        yield from random.sample(faults, len(faults))


def _round(random: Random, deck: Iterator[type[Fault]], load_s: float) -> list[Step]:
    steps: list[Step] = []
    at_s = LEAD_IN_S
    while True:
        at_s += random.choice((0.0, 0.5, 1.5, 3.0, 5.0)) * random.random() * 2
        fault = next(deck)
        at_s = _free_from(steps, fault, at_s)
        if at_s > load_s - CALM_S:
            return steps
        lasts_s = random.uniform(*fault.lasts_s)
        steps.append(Step(len(steps) + 1, fault, at_s, lasts_s, random.getrandbits(60)))


def _free_from(steps: Sequence[Step], fault: type[Fault], at_s: float) -> float:
    """When nothing goes on any more that it may not meet, and not too much at all."""
    while True:
        going_on = [each for each in steps if each.until_s > at_s]
        in_the_way = [each for each in going_on if each.fault.touches & fault.touches]
        if in_the_way:
            at_s = max(each.until_s for each in in_the_way)
        elif len(going_on) >= TOGETHER_MAX:
            at_s = min(each.until_s for each in going_on)
        else:
            return at_s
