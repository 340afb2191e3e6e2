"""Judges Kafka: topics, schemas, the relay's position, and how far the award workers are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from gamification.adapters.kafka.admin import Difference
from gamification.adapters.kafka.bounds import Partition, Span
from gamification.adapters.kafka.facts import ClusterFacts
from gamification.application.doctor.finding import Finding, State, named
from gamification.wire.dead_letter import REPLAY_TOPIC

LAG_MANY_RECORDS: Final = 10_000
"""Half a second's work of one award worker."""


class Members(NamedTuple):
    """Award workers in the consumer group; None when Kafka did not say."""

    group: str
    number: int | None


def cluster(facts: ClusterFacts) -> Finding:
    return Finding("kafka", State.OK, f"answers, {facts.brokers} brokers")


def topics(found: Sequence[Difference]) -> Finding:
    check = "kafka topics"
    if not found:
        return Finding(check, State.OK, "all are there, with their settings")
    advice = "python -m cli.topics check; missing ones: python -m cli.topics create"
    return Finding(check, State.WRONG, named(f"{d.topic}: {d.said}" for d in found), advice)


def schemas(found: Sequence[Difference]) -> Finding:
    check = "schema registry"
    if not found:
        return Finding(check, State.OK, "answers, all schemas are registered")
    return Finding(
        check,
        State.WRONG,
        named(f"{d.topic}: {d.said}" for d in found),
        "python -m cli.schemas register",
    )


def relay(lane: str, problem: str | None, last_id: int | None) -> Finding:
    """What Kafka and Postgres say of a lane's position, compared."""
    check = f"relay {lane}"
    if problem is None:
        said = "nothing yet" if last_id is None else f"outbox id {last_id:,}"
        return Finding(check, State.OK, f"published up to {said}")
    return Finding(check, State.WRONG, problem, "docs/relay.md: why it stops, and how to go on")


def workers(members: Members) -> Finding:
    check = "award workers"
    if members.number is None:
        return Finding(check, State.OK, f"unknown: Kafka does not tell of group {members.group}")
    if members.number:
        return Finding(check, State.OK, f"{members.number} in group {members.group}")
    return Finding(
        check,
        State.WARNING,
        f"none in group {members.group}",
        "start python -m consumers.award, or see why it ended (exit code, last log line)",
    )


def lags(
    stored: Mapping[Partition, int], spans: Mapping[Partition, Span], members: Members
) -> Iterator[Finding]:
    """A line for each input topic: what Postgres says is counted, against Kafka's log."""
    for topic in sorted({topic for topic, _ in spans}):
        yield _lag(topic, stored, spans, members)


def _lag(
    topic: str,
    stored: Mapping[Partition, int],
    spans: Mapping[Partition, Span],
    members: Members,
) -> Finding:
    check = f"lag {topic}"
    waiting = 0
    deleted, beyond = [], []
    for (name, partition), span in spans.items():
        if name != topic:
            continue
        at = stored.get((name, partition), span.first)
        if at < span.first:
            deleted.append(f"{topic}[{partition}]: {span.first - at:,}")
        elif at > span.end:
            beyond.append(f"{topic}[{partition}]: counted to {at}, the log ends at {span.end}")
        waiting += max(0, span.end - at)
    seen = f"{waiting:,} records"
    if deleted:
        return Finding(
            check,
            State.WRONG,
            f"records were deleted before they were counted: {named(deleted)}",
            "the workers halt; raise the topic's retention, get the records from their producers, "
            "then delete the rows in consumer_offsets to go on behind the gap",
        )
    if beyond:
        return Finding(
            check,
            State.WRONG,
            named(beyond),
            "was the topic made anew? then delete its rows in consumer_offsets",
        )
    if waiting and members.number == 0 and topic == REPLAY_TOPIC:
        said = f"up to {seen}: ends of the relay's transactions count as such, too"
        return Finding(check, State.WARNING, said, "start python -m consumers.award")
    if waiting and members.number == 0:
        advice = "start python -m consumers.award"
        return Finding(check, State.WRONG, f"{seen}, and nobody reads them", advice)
    if waiting > LAG_MANY_RECORDS:
        advice = "falls it? else look at the award workers' logs, or start one more"
        return Finding(check, State.WARNING, seen, advice)
    return Finding(check, State.OK, seen)
