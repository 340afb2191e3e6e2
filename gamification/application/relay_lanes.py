"""Who publishes what: lanes of the relay, each with transactions and a position of its own.

Which topic belongs to which lane is fixed. A topic that changed lanes would come under another
position, and rows between the two positions would be announced twice or never.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gamification.adapters.kafka.topics import RELAY_TOPIC


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The names by which one relay, its predecessors and its stand-ins know each other.

    As made by default: one lane for everything.
    """

    name: str = "all"
    shard: int = 0
    transactional_id: str = "gamification.relay.0"
    position_topic: str = RELAY_TOPIC
    position_group: str = "gamification.relay.0"
    only: frozenset[str] | None = None
    """Topics that this lane publishes; None: all but `but`."""
    but: frozenset[str] = frozenset()
    keeps_house: bool = True
    """Whether this one looks after the outbox's partitions."""
    others: tuple[int, ...] = ()
    """Shards that must have published a row too, before it may be dropped."""

    def of_others(self, names: Mapping[int, str]) -> list[int]:
        """Codes of the topics that are other lanes', of all in `names`.

        A topic that is not known yet is nobody else's: it is read, and asked for by its name.
        """
        return [
            code
            for code, name in names.items()
            if (self.only is not None and name not in self.only) or name in self.but
        ]


LANES: Final = (Lane(),)
"""One for everything. Two, with `badge.awarded` in transactions of its own, halve its latency; but
when a broker was killed at the wrong moment, a lane's position in Kafka stayed behind what Kafka
had acknowledged, and the relay stopped itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much at once, and how long."""

    rows_max: int = 5_000
    """Rows of the outbox looked at in one turn."""
    gather_s: float = 0.0
    """At least this long from one transaction to the next, unless more is known to wait."""
    keep_hours: int = 24
    """Published rows are kept for at least this long."""
    idle_limit_s: int = 20
    """A relay that says nothing to Postgres for this long loses its leadership."""
    recommit_every_s: float = 3600.0
    """Kafka forgets the offsets of a group that committed nothing for 7 days."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What the relay reads from, and what it writes to."""

    postgres_dsn: str
    kafka_brokers: str
