"""What a measurement is, what it gets, and what it gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from bench.ground import Ground

Figures: TypeAlias = dict[str, Any]
"""What JSON can hold. Names end in their unit."""


class Failed(Exception):
    """A measurement could not be made, or what it measured was wrong."""


class Row(NamedTuple):
    """One line of the table, as text. `ratio` is against a baseline of the same run."""

    what: str
    value: str
    ratio: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is measured."""

    events: int
    """Distinct events of the drain."""
    seconds: int
    """At each rate of the latency."""
    profiles: int
    """Of the database that is compared with one of 10,000."""
    letters: int
    """Dead letters that are parked."""
    target_profiles: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Bench:
    """What every measurement gets: `found` are the figures of those before it."""

    ground: Ground
    scale: Scale
    found: dict[str, Figures] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """`needs` are measurements that must be made before, in the same run."""

    name: str
    about: str
    measure: Callable[[Bench], Figures]
    rows: Callable[[Mapping[str, Any]], list[Row]]
    needs: tuple[str, ...] = ()
    warm: bool = True
    """Whether the broker must have worked for a while before."""
