"""Every topic and the settings that it needs: what `admin` creates and checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gamification.domain.activity import Kind
from gamification.wire.dead_letter import DLQ_TOPIC, REPLAY_TOPIC

INPUT_TOPICS: Final = (*map(str, Kind), REPLAY_TOPIC)
"""What the award workers read."""

PRODUCED: Final = (
    "badge.awarded",
    "badge.task",
    "badge.earned",
    "level.up",
    "streak.updated",
    "reward.redeemed",
    "cache.invalidate",
    "leaderboard.refresh",
    "audit_log",
)

RELAY_TOPIC: Final = "gamification.relay"
"""Positions of the relay's lanes, in a partition each; only the last record of each counts."""
RELAY_LANES: Final = 2
POSITIONS_SEGMENT_BYTES: Final = 16 * 1024 * 1024
"""Kafka clears up closed segments only; this one is full after some minutes of load."""

BESIDE_THE_VALUE: Final = 64 * 1024
"""Bytes of room for a record's key and headers."""
LETTER_BYTES_MAX: Final = 32 * 1024 * 1024
"""A letter is published whole, also when compression let far more than a megabyte in."""
REPLICAS_FOR_TWO_IN_SYNC: Final = 3


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """One topic as it should be. Only the settings named here are ours to judge."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


def plan(partitions: int, replication: int, value_bytes_max: int) -> tuple[TopicPlan, ...]:
    """All topics; those that customers' records go through have `partitions` each.

    `value_bytes_max` is what the decoder takes; inputs get room for that and no more.
    """
    in_sync = {"min.insync.replicas": "2" if replication >= REPLICAS_FOR_TWO_IN_SYNC else "1"}
    inputs = in_sync | {"max.message.bytes": str(value_bytes_max + BESIDE_THE_VALUE)}
    letters = in_sync | {"max.message.bytes": str(LETTER_BYTES_MAX)}
    configs: dict[str, dict[str, str]] = {
        **{str(kind): inputs for kind in Kind},
        **dict.fromkeys(PRODUCED, in_sync),
        REPLAY_TOPIC: letters,
        DLQ_TOPIC: letters | {"retention.ms": "-1", "retention.bytes": "-1"},
    }
    many = [TopicPlan(name, partitions, replication, config) for name, config in configs.items()]
    positions = in_sync | {
        "cleanup.policy": "compact",
        "segment.bytes": str(POSITIONS_SEGMENT_BYTES),
    }
    return (*many, TopicPlan(RELAY_TOPIC, RELAY_LANES, replication, positions))
