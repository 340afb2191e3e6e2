"""Sees badges as everybody else would: a reader of committed records, in a thread of its own."""

import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Self

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from bench.ground import ASK_WITHIN_S, Ground
from bench.measurement import Failed
from bench.peers.job import Badge
from bench.workload.ends import Ends

READ_AT_ONCE: Final = 1_000
WAIT_S: Final = 0.1
LOOK_EVERY_S: Final = 0.01
ENDS_WITHIN_S: Final = 60
AGAIN_AFTER_S: Final = 5

Read = Callable[[Message], Badge | None]
"""The badge that a record announces; None for a record that announces another thing."""


class Sight(NamedTuple):
    """`at` in seconds since 1970."""

    at: float
    badge: Badge


class Watcher:
    """Reads `topic` from its present end on. Use as a `with` block."""

    def __init__(self, ground: Ground, topic: str, read: Read) -> None:
        self._ground = ground
        self._topic = topic
        self._read = read
        self._sights: list[Sight] = []
        self._distinct: set[Badge] = set()
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    @property
    def sights(self) -> list[Sight]:
        """Everything seen so far, in order."""
        return list(self._sights)

    @property
    def distinct(self) -> int:
        return len(self._distinct)

    def wait(
        self, badges: int, *, within_s: float, idle_s: float, check: Callable[[], None]
    ) -> bool:
        """Until so many different ones were seen. False when time is over, or when nothing new
        came for `idle_s` seconds. `check` is called between two looks and may raise.
        """
        deadline = time.monotonic() + within_s
        known, since = self.distinct, time.monotonic()
        while self.distinct < badges:
            now = time.monotonic()
            if self.distinct != known:
                known, since = self.distinct, now
            if now > deadline or now - since > idle_s:
                return False
            check()
            if not self._thread.is_alive():
                raise Failed(f"the reader of {self._topic} ended")
            time.sleep(LOOK_EVERY_S)
        return True

    def rest(self, quiet_s: float = 1.0) -> None:
        """Return when no record came for this long."""
        seen = -1
        while seen != len(self._sights):
            seen = len(self._sights)
            time.sleep(quiet_s)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(ENDS_WITHIN_S + ASK_WITHIN_S):
            raise Failed(f"{self._topic} could not be read")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with self._ground.reader(fetch_wait_max_ms=100, enable_partition_eof=True) as reader:
            if not self._at_the_end(reader):
                return
            self._ready.set()
            while not self._stop.is_set():
                first = reader.poll(WAIT_S)
                if first is None:
                    continue
                more = reader.consume(READ_AT_ONCE, timeout=0)
                now = time.time()
                for message in (first, *more):
                    badge = None if message.error() else self._read(message)
                    if badge is not None:
                        self._distinct.add(badge)
                        self._sights.append(Sight(now, badge))

    def _at_the_end(self, reader: Consumer) -> bool:
        """True when it reads every partition: each has said that there is nothing yet.

        A client that asks for a topic just made, and is told that there is none, asks again after
        minutes; assigned anew it asks at once.
        """
        ends = Ends(self._ground.kafka)  # waits for a new topic's leaders
        at = ends.next(ends.places([self._topic]))
        deadline = time.monotonic() + ENDS_WITHIN_S
        while time.monotonic() < deadline:
            reader.list_topics(self._topic, timeout=ASK_WITHIN_S)
            reader.assign([TopicPartition(*place, offset) for place, offset in at.items()])
            left = {partition for _, partition in at}
            again = time.monotonic() + AGAIN_AFTER_S
            while left and time.monotonic() < again:
                message = reader.poll(WAIT_S)
                if message is not None and _is_end(message):
                    left.discard(message.partition() or 0)
            if not left:
                return True
        return False


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 - only there
