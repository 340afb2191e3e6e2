"""Read a topic's records of some time, page by page, up to where it ended at the beginning."""

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from gamification.adapters.kafka.bounds import offset_since
from gamification.adapters.kafka.cluster import Kafka, reach
from gamification.adapters.kafka.message import record_of
from gamification.adapters.kafka.position import CLIENT
from gamification.domain.errors import Unavailable
from gamification.wire.dead_letter import DLQ_TOPIC
from gamification.wire.envelope import Record

ASK_WITHIN_S: Final = 10.0
SILENT_MAX_S: Final = 30.0
"""Kafka said nothing for so long although there is more to read."""
POLL_S: Final = 0.5
OUT_OF_ORDER_MS: Final = 5 * 60_000
QUEUED_KIB_MAX: Final = 8 * 1024
FETCHED_BYTES_MAX: Final = 128 * 1024
"""Of a partition at once; a single letter may be larger."""
SKIPPED_LEAST_MS: Final = 120_000
"""Less is read in less time than it takes to ask where to go on."""
PAGE_BYTES_MAX: Final = 8 * 1024 * 1024
"""Of values in one page; a single one may be larger."""


class LetterReader:
    """Committed records of the topic, each partition in its order. For one thread.

    What is written after the beginning is not read: letters that come back while they are sent
    again would else be sent again and again.
    """

    def __init__(
        self, brokers: Kafka, from_ms: int, topic: str = DLQ_TOPIC, until_ms: int | None = None
    ) -> None:
        """From and until about when: milliseconds since 1970. Raises Unavailable.

        A record of before `until_ms` is missed if it stands behind one that is OUT_OF_ORDER_MS
        later; others of around both ends come along.
        """
        self._topic = topic
        self._consumer = Consumer(
            {
                **CLIENT,
                **reach(brokers),
                "group.id": "gamification.letters",  # demanded, never joined
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "queued.min.messages": 1_000,
                "queued.max.messages.kbytes": QUEUED_KIB_MAX,
                # So that no partition is read far beyond where the next skip goes to.
                "fetch.message.max.bytes": FETCHED_BYTES_MAX,
            }
        )
        self._at_ms: defaultdict[int, int] = defaultdict(lambda: from_ms)
        """By partition, when the last one that was read was written."""
        self._next: dict[int, int] = {}
        """By partition, the offset of what is read next."""
        try:
            self._left = self._places(from_ms, until_ms)
            self._assign()
        except KafkaException as error:
            self._consumer.close()
            raise Unavailable(f"kafka: look at {self._topic}: {error.args[0].name()}") from error

    def pages(self, records_max: int) -> Iterator[list[Record]]:
        """Pages that are not empty. Raises Unavailable; then nothing more comes."""
        heard_s = time.monotonic()
        while self._left:
            page = self._page(records_max)
            now_s = time.monotonic()
            if page:
                yield page
                heard_s = time.monotonic()  # the caller may have taken its time
            elif now_s - heard_s > SILENT_MAX_S:
                raise Unavailable(f"kafka: read {self._topic}: no answer for {SILENT_MAX_S:g} s")

    def skip_to(self, from_ms: int) -> None:
        """Pass over what was written before, where that is much. Raises Unavailable.

        `from_ms`: milliseconds since 1970. Never goes back.
        """
        behind = [each for each in self._left if self._at_ms[each] < from_ms - SKIPPED_LEAST_MS]
        if not behind:
            return
        self._at_ms.update(dict.fromkeys(behind, from_ms))
        asked = [TopicPartition(self._topic, partition, from_ms) for partition in behind]
        try:
            for place in self._consumer.offsets_for_times(asked, timeout=ASK_WITHIN_S):
                offset = offset_since(place)
                if offset is None or offset >= self._left[place.partition]:
                    self._done(place.partition)
                else:
                    self._next[place.partition] = max(offset, self._next[place.partition])
            # Not a seek: that fails for a partition of which nothing has been fetched yet.
            self._assign()
        except KafkaException as error:
            raise Unavailable(f"kafka: read {self._topic}: {error.args[0].name()}") from error

    def partitions_left(self) -> set[int]:
        """Partitions of which there is more to read."""
        return set(self._left)

    def close(self) -> None:
        self._consumer.close()

    def _page(self, records_max: int) -> list[Record]:
        """What comes in POLL_S, up to both limits. One by one: a letter may be very large."""
        page: list[Record] = []
        page_bytes = 0
        until_s = time.monotonic() + POLL_S
        while self._left and len(page) < records_max and page_bytes < PAGE_BYTES_MAX:
            try:
                message = self._consumer.poll(max(0.0, until_s - time.monotonic()))
            except KafkaException as error:
                raise Unavailable(f"kafka: read {self._topic}: {error.args[0].name()}") from error
            if message is None:
                break
            record = self._record(message)
            if record is not None:
                page.append(record)
                page_bytes += len(record.value or b"")
        return page

    def _places(self, from_ms: int, until_ms: int | None) -> dict[int, int]:
        """By partition that has something to read, where it ends."""
        told = self._consumer.list_topics(self._topic, timeout=ASK_WITHIN_S).topics[self._topic]
        if told.error is not None:
            raise KafkaException(told.error)
        asked = [TopicPartition(self._topic, partition, from_ms) for partition in told.partitions]
        starts = self._sought(asked)
        over: dict[int, int] = {}
        if until_ms is not None:
            late_ms = until_ms + OUT_OF_ORDER_MS
            asked = [TopicPartition(self._topic, each, late_ms) for each in told.partitions]
            over = self._sought(asked)
        ends: dict[int, int] = {}
        for partition, offset in starts.items():
            place = TopicPartition(self._topic, partition)
            _low, end = self._consumer.get_watermark_offsets(place, timeout=ASK_WITHIN_S)
            end = min(end, over.get(partition, end))
            if offset < end:
                ends[partition] = end
        self._next = {partition: starts[partition] for partition in ends}
        return ends

    def _sought(self, asked: list[TopicPartition]) -> dict[int, int]:
        """By partition, where what was written from that time on begins; others are left out."""
        answers = self._consumer.offsets_for_times(asked, timeout=ASK_WITHIN_S)
        offsets = {place.partition: offset_since(place) for place in answers}
        return {partition: at for partition, at in offsets.items() if at is not None}

    def _assign(self) -> None:
        """Read on where each partition is that is not done."""
        self._consumer.assign([TopicPartition(self._topic, p, self._next[p]) for p in self._left])

    def _record(self, message: Message) -> Record | None:
        """None for what is not to be read; notes which partitions are done."""
        error, partition = message.error(), message.partition() or 0
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - it is only there
                raise Unavailable(f"kafka: read {self._topic}: {error.name()}")
            self._left.pop(partition, None)
            return None
        offset, end = message.offset() or 0, self._left.get(partition)
        if end is None or offset >= end:
            self._done(partition)
            return None
        if offset < self._next[partition]:
            return None  # fetched before it was passed over
        self._next[partition] = offset + 1
        if offset == end - 1:
            self._done(partition)
        record = record_of(message)
        self._at_ms[partition] = record.timestamp_ms
        return record

    def _done(self, partition: int) -> None:
        if self._left.pop(partition, None) is not None:
            self._consumer.pause([TopicPartition(self._topic, partition)])
