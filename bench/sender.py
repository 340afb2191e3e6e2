"""A process that publishes `points.earned` by a fixed schedule: `python -m bench.sender JSON`.

The schedule does not wait for anybody: an event that is sent late keeps the time at which it was
due, in `occurred_at` and for whoever measures. A process of its own, so that publishing and
measuring do not hold each other up.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaError, Message, Producer

from bench.points import TOPIC, customer_text, points
from bench.workload import WriterSchemas

ROOT: Final = Path(__file__).parents[1]
CONNECT_S: Final = 2.0
ENCODED_PER_S: Final = 15_000
"""At least. What is sent is encoded before the first event is due: in service the producers are
other machines."""
FLUSH_S: Final = 30
AMOUNT: Final = 10
AT_ONCE_PER_S_MAX: Final = 1_000


def lead_s(events: int) -> float:
    """Seconds to leave between asking for a load and its first event."""
    return CONNECT_S + events / ENCODED_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """`per_s` events from `begin` (seconds since 1970) on, `events` of them.

    Every `fresh_every`-th one is of a customer who never did anything, numbered upwards from
    `first_fresh`; the others are of customers 0 to `pool` - 1 in turn.
    """

    kafka: str
    registry: str
    begin: float
    per_s: int
    events: int
    first_fresh: int
    fresh_every: int = 1
    pool: int = 1
    amount: int = AMOUNT
    """Points of each event."""

    def due(self, number: int) -> float:
        return self.begin + number / self.per_s

    def customer(self, number: int) -> str:
        if number % self.fresh_every == 0:
            return customer_text(self.first_fresh + number // self.fresh_every)
        return customer_text(number % self.pool)

    def fresh(self, from_s: float) -> dict[str, float]:
        """When each fresh customer's event is due, for those due from `from_s` after begin on."""
        numbers = range(0, self.events, self.fresh_every)
        return {
            self.customer(number): self.due(number)
            for number in numbers
            if number >= from_s * self.per_s
        }


class Sender:
    """The running process."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self._process = subprocess.Popen(
            (sys.executable, "-m", "bench.sender", json.dumps(asdict(load))),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def finish(self) -> dict[str, Any]:
        """What it said of itself. Raises RuntimeError when it failed."""
        try:
            left_s = max(0.0, self.load.due(self.load.events) - time.time())
            said, _ = self._process.communicate(timeout=left_s + FLUSH_S + 10)
        finally:
            self._process.kill()
        if self._process.returncode:
            raise RuntimeError(f"the sender ended with {self._process.returncode}")
        return dict(json.loads(said))


def send(load: Load) -> dict[str, Any]:
    """Send all of it; return how late that was."""
    schemas = WriterSchemas.from_registry(load.registry)
    producer = Producer(
        {
            "bootstrap.servers": load.kafka,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            # From some rate on a producer gathers, as they do by default; one request for each
            # event would take half a core of the broker's.
            "linger.ms": 5 if load.per_s > AT_ONCE_PER_S_MAX else 0,
            "delivery.report.only.error": True,
            "on_delivery": _must_be_stored,
            "log_level": 0,
        }
    )
    producer.list_topics(TOPIC, timeout=10)
    records = [_record(schemas, load, number) for number in range(load.events)]
    late_s: list[float] = []
    for number, (key, value) in enumerate(records):
        due = load.due(number)
        while (left := due - time.time()) > 0:
            time.sleep(left)
        producer.produce(TOPIC, value, key)
        producer.poll(0)
        late_s.append(time.time() - due)
    if producer.flush(FLUSH_S):
        raise RuntimeError("Kafka did not store everything")
    late_s.sort()
    return {
        "sent": len(late_s),
        "late_p99_ms": round(late_s[int(len(late_s) * 0.99)] * 1000, 2),
        "late_max_ms": round(late_s[-1] * 1000, 2),
    }


def _record(schemas: WriterSchemas, load: Load, number: int) -> tuple[bytes, bytes]:
    customer = load.customer(number)
    datum = points(f"{load.begin} {number}", customer, load.amount, int(load.due(number) * 1000))
    return customer.encode(), schemas.encode(TOPIC, datum)


def _must_be_stored(error: KafkaError | None, _message: Message) -> None:
    if error is not None:
        raise RuntimeError(f"Kafka refused a record: {error}")


if __name__ == "__main__":
    print(json.dumps(send(Load(**json.loads(sys.argv[1])))))
