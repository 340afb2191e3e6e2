"""Who publishes what: the lanes of the relay, each with transactions and a position of its own.

A Kafka transaction costs the broker about a third of a millisecond for every partition that it
touches, and what one customer earns goes to six topics. So `badge.awarded`, which people wait for,
has a lane to itself, in transactions that touch few partitions; the rest is gathered, so that
many rows share the cost of a partition.

Which topic belongs to which lane is fixed. A topic that changed lanes would come under another
position, and rows between the two positions would be announced twice or never.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gamification.adapters.kafka.cluster import Kafka
from gamification.adapters.kafka.topics import RELAY_TOPIC

PROMPT_TOPICS: Final = frozenset({"badge.awarded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The names by which one relay, its predecessors and its stand-ins know each other.

    As made by default: one lane for everything.
    """

    name: str = "all"
    shard: int = 0
    transactional_id: str = "gamification.relay.0"
    position_topic: str = RELAY_TOPIC
    """Its partition with the number of the shard holds the position."""
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

    def own(self, names: Mapping[int, str]) -> list[str]:
        """Names of the topics that this lane publishes, of all in `names`."""
        others = set(self.of_others(names))
        return [name for code, name in names.items() if code not in others]


PROMPT: Final = Lane(
    name="prompt",
    shard=1,
    transactional_id="gamification.relay.1",
    only=PROMPT_TOPICS,
    keeps_house=False,
)
REST: Final = Lane(name="rest", but=PROMPT_TOPICS, others=(PROMPT.shard,))
LANES: Final = (PROMPT, REST)


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


@dataclass(frozen=True, slots=True)
class Ends:
    """What the relay reads from, and what it writes to."""

    postgres_dsn: str
    kafka_brokers: Kafka
