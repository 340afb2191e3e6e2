"""Records made by hand out of a stream's good ones: repeated, replayed, contradicted, spoilt."""

from collections.abc import Iterable

from bench.workload import Delivery, Stream
from bench.workload.delivery import Fault
from bench.workload.faults import CONFLICTING, other_content
from bench.workload.stream import REPLAY
from gamification.domain.activity import Activity, Kind
from gamification.domain.errors import Reason


def firsts(stream: Stream) -> list[Delivery]:
    """The valid events of a stream's second wave, each once, in order."""
    return [each for each in stream.main() if each.activity is not None]


def activity_of(delivery: Delivery) -> Activity:
    assert delivery.activity is not None
    return delivery.activity


def again(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """The same events, sent once more: by somebody who traces them under another id."""
    return [
        each._replace(datum={**each.datum, "trace_id": "again"}, activity=None)
        for each in deliveries
    ]


def replayed(
    deliveries: Iterable[Delivery], reason: Reason = Reason.UNKNOWN_SCHEMA
) -> list[Delivery]:
    """The same bytes through the replay topic, as dead letters that came back.

    Their origin is a made-up place, another one for each.
    """
    return [
        each._replace(
            topic=REPLAY,
            activity=None,
            headers=(
                ("dlq.origin.topic", each.topic.encode()),
                ("dlq.origin.partition", b"0"),
                ("dlq.origin.offset", str(1_000_000 + number).encode()),
                ("dlq.origin.timestamp", str(each.timestamp_ms).encode()),
                ("dlq.reason", str(reason).encode()),
                ("dlq.detail", b"made up"),
                ("dlq.attempts", b"1"),
                ("dlq.first_failed_at", b"2026-01-01T00:00:00.000Z"),
            ),
        )
        for number, each in enumerate(deliveries)
    ]


def contradicted(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """The same ids with something else said under them: dead letters."""
    found = []
    for each in deliveries:
        activity = activity_of(each)
        other = other_content(activity.kind, each.datum)
        fault = Fault(CONFLICTING.name, CONFLICTING.reason, None, activity.merchant_id)
        found.append(each._replace(datum=other, activity=None, fault=fault))
    return found


def on_another_topic(delivery: Delivery) -> Delivery:
    """The same id as an event of another kind: a dead letter of that kind's topic."""
    activity = activity_of(delivery)
    assert activity.kind is not Kind.POINTS_EARNED
    ids = ("event_id", "customer_id", "merchant_id", "occurred_at")
    return delivery._replace(
        topic=Kind.POINTS_EARNED.value,
        schema=Kind.POINTS_EARNED.value,
        datum={**{name: delivery.datum[name] for name in ids}, "points": 5},
        activity=None,
        fault=Fault("other kind", CONFLICTING.reason, None, activity.merchant_id),
    )


def spoilt(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Bytes that nobody can read."""
    fault = Fault("cut", Reason.MALFORMED, lambda value, _id: value[:-2] + b"\xff")
    return [each._replace(activity=None, fault=fault) for each in deliveries]


def poisonous(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Readable and valid, but this database will not take what follows from them."""
    return [
        each._replace(
            activity=None,
            fault=Fault("poison", Reason.POISON, None, activity_of(each).merchant_id),
        )
        for each in deliveries
    ]
