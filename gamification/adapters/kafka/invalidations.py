"""What caches must forget, heard by every instance: `cache.invalidate` from now on.

No group: each reader has all partitions. Only keys of records are read. They are the caches' keys,
and nothing else is needed to forget one; so the many records about badges cost next to nothing
and the schema registry is not asked.
"""

import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from gamification.adapters.kafka.cluster import Kafka, reach
from gamification.adapters.kafka.position import CLIENT
from gamification.domain.errors import Unavailable

TOPIC: Final = "cache.invalidate"
KEYS_MAX: Final = 500
"""Of one call."""
KEY_BYTES_MAX: Final = 512
"""Ours are shorter; what is longer is nobody's."""
ANSWER_WITHIN_S: Final = 4.0
NEW_PARTITIONS_EVERY_S: Final = 60.0
AFTER_FAILURE_S: Final = 5.0


class Invalidations:
    """One reader, for one thread. Make it anew after Unavailable: it then begins at the end again.

    While the brokers are merely away it need not be made anew: it goes on where it was.
    """

    def __init__(
        self,
        brokers: Kafka,
        topic: str = TOPIC,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic = topic
        self._clock = clock
        self._places: dict[int, TopicPartition] = {}
        self._look_again_at = float("-inf")
        self._consumer = Consumer(
            {
                **CLIENT,
                **reach(brokers),
                "group.id": "gamification.invalidations",  # demanded, never joined
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",  # lost ones hurt for as long as a text is fresh
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
                "queued.max.messages.kbytes": 4 * 1024,
            }
        )

    def start(self) -> None:
        """Take the end of every partition as the beginning. Raises Unavailable."""
        self._find_partitions(at_start=True)

    def hear(self, wait_s: float) -> list[str]:
        """Keys of up to KEYS_MAX records; waits up to `wait_s` for the first. Raises Unavailable.

        Brokers that are away are silence: the client goes on by itself when they are back.
        """
        if self._clock() >= self._look_again_at:
            self._find_partitions(at_start=False)
        try:
            messages = self._consumer.consume(KEYS_MAX, timeout=wait_s)
        except KafkaException as error:
            raise Unavailable(f"kafka: {error.args[0].str()}") from error
        heard: list[str] = []
        for message in messages:
            problem = message.error()
            if problem is not None:
                if problem.fatal() or problem.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise Unavailable(f"kafka: {problem.str()}")
                continue
            key = message.key()
            if key is not None and len(key) <= KEY_BYTES_MAX:
                heard.append(bytes(key).decode(errors="replace"))
        return heard

    def close(self) -> None:
        self._consumer.close()

    def _find_partitions(self, *, at_start: bool) -> None:
        """Those that were added later are read from their beginning."""
        self._look_again_at = self._clock() + AFTER_FAILURE_S
        try:
            told = self._consumer.list_topics(self._topic, timeout=ANSWER_WITHIN_S)
            about = told.topics[self._topic]
            if about.error is not None:
                raise KafkaException(about.error)
            new = [number for number in about.partitions if number not in self._places]
            if new:
                added = [self._place(number, at_end=at_start) for number in new]
                self._consumer.incremental_assign(added)
                self._places.update({place.partition: place for place in added})
        except KafkaException as error:
            if at_start:
                raise Unavailable(f"kafka: {self._topic}: {error.args[0].str()}") from error
        else:
            self._look_again_at = self._clock() + NEW_PARTITIONS_EVERY_S

    def _place(self, partition: int, *, at_end: bool) -> TopicPartition:
        place = TopicPartition(self._topic, partition)
        low, high = self._consumer.get_watermark_offsets(place, timeout=ANSWER_WITHIN_S)
        place.offset = high if at_end else low
        return place
