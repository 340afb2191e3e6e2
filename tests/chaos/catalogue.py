"""All faults of the random run, and which of the demanded ones each of them is."""

from typing import Final, TypeAlias

from tests.chaos import clocks, inputs, kafka, neighbours, postgres, processes, redis, registry
from tests.chaos.fault import Fault

Kinds: TypeAlias = tuple[type[Fault], ...]

TABLE: Final[tuple[Kinds, ...]] = (
    (processes.AwardKilled,),
    (processes.RelayKilled,),
    (processes.ProjectKilled,),
    (kafka.KafkaStopped,),
    (kafka.KafkaKilled,),
    (postgres.PostgresRestarted,),
    (postgres.ConnectionsCut,),
    (postgres.PostgresRefuses,),
    (redis.RedisEmptied,),
    (redis.RedisAway,),
    (redis.RedisFull,),
    (registry.RegistryAway,),
    (processes.RebalanceStorm,),
    (processes.AwardFrozen,),
    (processes.RelayTakenOver,),
    (inputs.DuplicatesTenfold,),
    (inputs.Poison,),
    (inputs.HostileBytes,),
    (inputs.OtherContent,),
    (inputs.OutOfOrder,),
    (neighbours.AuthAway, neighbours.UsersAway),
    (processes.KafkaTransactionTimeout,),
    (postgres.ErrorsInjected,),
    (postgres.DiskFull,),
    (processes.StoppedInOrder,),
    (clocks.ClockJumps,),
)
"""In the order of docs/faults.md, which says more about each."""

FURTHER: Final[Kinds] = (
    processes.AtKillPoints,
    kafka.KafkaFrozen,
    postgres.PostgresFrozen,
    postgres.LocksHeld,
    redis.RedisFrozen,
    processes.RelayFrozen,
    processes.ProjectFrozen,
    processes.ServiceKilled,
    processes.ServiceFrozen,
    inputs.RulesAgain,
)

FAULTS: Final[Kinds] = (*(each for row in TABLE for each in row), *FURTHER)
BY_NAME: Final = {each.name: each for each in FAULTS}
EXTRA: Final[Kinds] = (
    kafka.KafkaKilled,
    *(processes.AtKillPoints, processes.AtKillPoints, processes.AtKillPoints),
)
"""Drawn more often: what a killed broker forgets is the hardest to make good."""
