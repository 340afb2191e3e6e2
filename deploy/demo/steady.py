"""How long it takes from what a customer does to a badge that other services see.

Events come at fixed moments, each from a customer who was never seen before, so that each one
earns the first badge. An event that is sent late still counts from the moment it was due.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from threading import Event, Thread
from typing import Final
from uuid import uuid4

from confluent_kafka import Consumer, TopicPartition

from bench.workload.delivery import Delivery
from bench.workload.doings import doing, points
from bench.workload.ends import Ends
from bench.workload.population import Merchant, Population
from bench.workload.publish import producer
from bench.workload.writer import WriterSchemas
from gamification.domain.activity import Activity, Kind
from tests.oracle.avro_read import Published

TOPIC: Final = "badge.awarded"
ASK_WITHIN_S: Final = 10
SEEN_WITHIN_S: Final = 60
POLL_S: Final = 0.005


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from `occurred_at` to `badge.awarded` at a read_committed reader."""

    p50_ms: float
    p99_ms: float
    max_ms: float
    events: int
    per_s: int


class Seen:
    """Follows `badge.awarded` from now on, and notes when each customer came up first."""

    def __init__(self, kafka_bootstrap: str, registry_url: str) -> None:
        self.first_ms: dict[str, float] = {}
        self._published = Published(registry_url)
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka_bootstrap,
                "group.id": f"demo-{uuid4().hex}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
                "fetch.wait.max.ms": 5,
                "log_level": 0,
            }
        )
        ends = Ends(kafka_bootstrap)
        self._consumer.assign(
            [
                TopicPartition(topic, partition, offset)
                for (topic, partition), offset in ends.next(ends.places([TOPIC])).items()
            ]
        )
        self._over = Event()
        self._thread = Thread(target=self._follow, name="reader", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(ASK_WITHIN_S)
        self._consumer.close()

    def _follow(self) -> None:
        while not self._over.is_set():
            message = self._consumer.poll(POLL_S)
            if message is None:
                continue
            now_ms = time.time() * 1000
            error = message.error()
            if error is not None:
                raise RuntimeError(f"reading {TOPIC}: {error}")
            value = message.value()
            said = self._published.decode(value if isinstance(value, bytes) else b"")
            self.first_ms.setdefault(said["customer_id"], now_ms)


def deliveries(
    seed: int, merchants: list[Merchant], per_s: int, seconds: int, begin_ms: int
) -> Iterator[Delivery]:
    """One `points.earned` of a new customer at each due moment, which is its `occurred_at`."""
    random = Random(f"steady {seed}")  # noqa: S311  # repeatable on purpose
    newcomers = Population(seed ^ 0x5EED, 1, per_s * seconds, even=True).customers
    for number, customer in enumerate(newcomers):
        of_merchant = customer._replace(merchant=merchants[number % len(merchants)])
        due_ms = begin_ms + number * 1000 // per_s
        event = doing(random, of_merchant, Kind.POINTS_EARNED, points(random), due_ms)
        topic = Kind.POINTS_EARNED.value
        key = customer.text.encode()
        yield Delivery(topic, key, topic, event.datum, due_ms, (), event.activity, None)


def measure(
    planned: list[Delivery], per_s: int, kafka_bootstrap: str, schemas: WriterSchemas, seen: Seen
) -> Latency:
    """Send each at its moment and wait until all were seen. Raises TimeoutError."""
    client = producer(kafka_bootstrap, linger_ms=0)
    for each in planned:
        value = schemas.encode(each.schema, each.datum)
        wait_s = each.timestamp_ms / 1000 - time.time()
        if wait_s > 0:
            time.sleep(wait_s)
        client.produce(each.topic, value, each.key, timestamp=each.timestamp_ms)
        client.poll(0)
    client.flush(ASK_WITHIN_S)
    due_ms = {
        str(each.datum["customer_id"]): each.timestamp_ms for each in planned if each.activity
    }
    deadline = time.monotonic() + SEEN_WITHIN_S
    while missing := due_ms.keys() - seen.first_ms.keys():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(missing)} badges were not announced in {SEEN_WITHIN_S} s")
        time.sleep(0.05)
    took = sorted(seen.first_ms[customer] - due for customer, due in due_ms.items())
    return Latency(_at(took, 50), _at(took, 99), took[-1], len(took), per_s)


def said_by(planned: list[Delivery]) -> list[Activity]:
    return [each.activity for each in planned if each.activity is not None]


def _at(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
