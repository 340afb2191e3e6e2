"""Where Kafka is, and what it wants to know of us: the first settings of every client."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Cluster:
    """`brokers`: host:port, several with commas between them."""

    brokers: str
    security: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By librdkafka's names; holds the password."""


Kafka: TypeAlias = str | Cluster
"""A text alone: brokers that want to know nothing."""


def reach(kafka: Kafka) -> dict[str, str | int | float | bool]:
    """The client's settings that say where to connect, and as whom."""
    known = Cluster(kafka) if isinstance(kafka, str) else kafka
    return {"bootstrap.servers": known.brokers, **known.security}
