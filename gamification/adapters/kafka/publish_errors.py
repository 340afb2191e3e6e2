"""librdkafka's errors of a transactional producer, said in our words."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException

from gamification.domain.errors import GamificationError, Halt, Unavailable

REFUSED_FOR_GOOD: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.POLICY_VIOLATION,
    }
)
"""One record's own fault: too large for its topic, or without the key that it demands."""

OUR_FAULT: Final = frozenset(
    {
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.INVALID_TRANSACTION_TIMEOUT,
        KafkaError.OFFSET_METADATA_TOO_LARGE,
        KafkaError.UNSUPPORTED_VERSION,
    }
)
"""No retry mends these: the cluster does not allow what we do."""

MAYBE_NO_TOPIC: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - this is where librdkafka puts them
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError._MSG_TIMED_OUT,  # noqa: SLF001
    }
)

FENCED: Final = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 - this is where librdkafka puts it
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
    }
)


class Unproducible(GamificationError):
    """Kafka will never take one of the transaction's records; nothing of it was published."""


class Undelivered(NamedTuple):
    """A record that its topic did not take."""

    topic: str
    code: int
    name: str


def of_exception(error: BaseException) -> KafkaError | None:
    """The Kafka error inside, if there is one.

    A delivery callback that runs while a fatal error is being raised turns it into a
    SystemError, with the true one as its cause.
    """
    for place in (error, error.__cause__):
        if isinstance(place, KafkaException) and place.args:
            found = place.args[0]
            return found if isinstance(found, KafkaError) else None
    return None


def translate(
    error: BaseException, doing: str, undelivered: Sequence[Undelivered] = ()
) -> GamificationError:
    """Ours for theirs: Unproducible, Halt or Unavailable."""
    cause = of_exception(error)
    if cause is None:
        return Unavailable(f"kafka: {doing}: {type(error).__name__}: {error}")
    first = undelivered[0] if undelivered else None
    codes = {cause.code()} | ({first.code} if first else set())
    said = f"kafka: {doing}: {cause.name()}"
    if first:
        said += f": a record for {first.topic} was not taken ({first.name})"
    if codes & REFUSED_FOR_GOOD:
        return Unproducible(said)
    if KafkaError.INVALID_TIMESTAMP in codes:
        return Unavailable(f"{said}; this machine's clock and the broker's are too far apart")
    if codes & OUR_FAULT:
        return Halt(f"{said}: {cause.str()}")
    if cause.code() in FENCED:
        return Unavailable(f"{said}: another relay has taken over")
    if codes & MAYBE_NO_TOPIC:
        said += "; if Kafka is there, is the topic (python -m cli.topics)?"
    return Unavailable(said)
