"""Where the relay goes on, or why it must not: Kafka's position held against Postgres' knowledge.

Kafka has the truth about what was published, because it is committed together with it. Postgres
only remembers a little less. Whenever the two contradict each other, going on would publish facts
twice or leave some out, and only a person can say what happened.
"""

from typing import Final

from gamification.adapters.kafka.position import RelayPosition
from gamification.adapters.postgres.relay_state import Known
from gamification.domain.errors import Halt

REMEDY: Final = (
    "Find out which announcements Kafka holds, then say from where to go on: "
    "python -m cli.relay resume --lane {lane} --after ID"
)


def resume_after(kafka: RelayPosition | None, postgres: Known, lane: str) -> int:
    """The outbox id after which this lane has published nothing yet. Raises Halt."""
    published = postgres.published
    remedy = REMEDY.format(lane=lane)
    if kafka is None and published:
        raise Halt(
            f"Kafka has lost the relay's position (its topic was deleted or emptied), "
            f"while Postgres says that rows up to {published} were published. {remedy}"
        )
    if kafka is not None and kafka.incarnation != postgres.incarnation:
        if published:
            raise Halt(
                f"Kafka's position is that of another database ({kafka.incarnation}, not "
                f"{postgres.incarnation}), while this one says that rows up to {published} were "
                f"published. Is this relay connected to the wrong Kafka or Postgres? {remedy}"
            )
        kafka = None  # a new database that never announced anything begins at its beginning
    after = 0 if kafka is None else kafka.last_id
    if after > postgres.allocated:
        raise Halt(
            f"Kafka says that rows up to {after} were published, but Postgres never had more than "
            f"{postgres.allocated}: it was restored from an older state and has lost what was "
            f"announced since. {remedy}"
        )
    if after < published:
        raise Halt(
            f"Kafka says that rows up to {after} were published, Postgres that it was {published}: "
            f"Kafka has lost the last of them. {remedy}"
        )
    if after + 1 < postgres.oldest_kept:
        raise Halt(
            f"rows {after + 1} to {postgres.oldest_kept - 1} of the outbox were dropped before "
            f"they were published. {remedy}"
        )
    return after
