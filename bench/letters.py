"""The dead letters' command beside a great many parked ones: time, memory, and the rate it keeps.

Only the relay runs: it is what sends letters on. What they do to an engine at work is measured by
`replay_beside`.
"""

import json
import time
from collections.abc import Mapping
from statistics import linear_regression
from typing import Any, Final, Self

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from bench.command import Ended, command
from bench.measurement import Bench, Failed, Figures, Measurement, Row
from bench.parked import SMALL, Parked, park
from bench.run import Run, fresh_run
from gamification.domain.ids import uuid_text
from gamification.wire.dead_letter import DLQ_TOPIC, REPLAY_TOPIC

NAME: Final = "letters"
TOOL: Final = "cli.reprocess_dlq"
FAST_PER_S: Final = 10_000
FAST_FOR_S: Final = 8.0
STEADY_PER_S: Final = 100
STEADY_FOR_S: Final = 30.0
ARRIVED_WITHIN_S: Final = 60.0
INTERRUPTED: Final = 130
COUNT: Final = "SELECT count(*) FROM dead_letters WHERE status = 'parked'"


def measure(bench: Bench) -> Figures:
    ground = bench.ground
    ground.empty_topic(DLQ_TOPIC)
    with fresh_run(ground, NAME) as run:
        kafka, dsn = ground.kafka, run.addresses.postgres_dsn
        parked = park(dsn, kafka, ground.schemas, bench.scale.letters)
        run.application.start("relay")
        return {
            "letters": parked.letters,
            "fill_s": round(parked.seconds, 1),
            "relay_counts_ms": _counting_ms(run),
            "commands": _looking(run, parked),
            "replay_small": _small(run),
            "steady": _steady(run),
            "fast": _fast(run),
            "discard_tenth": _figures(
                command(run.addresses, TOOL, "discard", "--reason", "poison", "--yes")
            ),
            "relay_mib": run.memory()["relay"],
        }


def _looking(run: Run, parked: Parked) -> Figures:
    """Commands that change nothing. `list` ends with 1 when there are some."""
    asked: dict[str, tuple[str, ...]] = {
        "list": ("list",),
        "list_10000": ("list", "--limit", "10000"),
        "list_one_merchant": ("list", "--merchant-id", uuid_text(SMALL)),
        "list_any_status": ("list", "--status", "any"),
        "list_by_id": ("list", "--id", parked.oldest_id),
        "show_newest": ("show", parked.newest_id),
        "show_oldest": ("show", parked.oldest_id),
        "replay_without_yes": ("replay",),
    }
    return {
        name: _figures(command(run.addresses, TOOL, *arguments, good=(0, 1)))
        for name, arguments in asked.items()
    }


def _small(run: Run) -> Figures:
    """Some letters, spread over all."""
    only = ("replay", "--merchant-id", uuid_text(SMALL), "--rate", "1000", "--yes", "--json")
    with _Replays(run) as replays:
        ended = command(run.addresses, TOOL, *only)
        [said] = json.loads(ended.out)
        replays.wait_for(said["replayed"])
        return {**_figures(ended), "replayed": said["replayed"]}


def _steady(run: Run) -> Figures:
    """The default rate, by the times at which the records are in the topic."""
    with _Replays(run) as replays:
        ended = command(
            run.addresses,
            *(TOOL, "replay", "--rate", str(STEADY_PER_S), "--yes", "--json"),
            good=(INTERRUPTED,),
            stop_when=lambda: replays.seconds() > STEADY_FOR_S + 2,
        )
        sent = replays.times_ms
        within = [at / 1000 for at in sent if at < sent[0] + STEADY_FOR_S * 1000]
        # Of the line through all of them: they come in groups, and what is at the edge of a window
        # would count for or against it.
        per_s = linear_regression(within, range(len(within))).slope
        return {
            **_figures(ended),
            "first_after_s": round(replays.first_after_s, 2),
            "seconds": STEADY_FOR_S,
            "per_s": round(per_s, 2),
            "off_percent": round((per_s / STEADY_PER_S - 1) * 100, 2),
        }


def _fast(run: Run) -> Figures:
    """As fast as it goes, for some seconds."""
    with _Replays(run) as replays:
        ended = command(
            run.addresses,
            *(TOOL, "replay", "--rate", str(FAST_PER_S), "--yes", "--json"),
            good=(INTERRUPTED,),
            stop_when=lambda: replays.seconds() > FAST_FOR_S,
        )
        [said] = json.loads(ended.out)
        replays.wait_for(said["replayed"])
        took_s = (replays.times_ms[-1] - replays.times_ms[0]) / 1000
        return {
            **_figures(ended),
            "asked_per_s": FAST_PER_S,
            "per_s": round(len(replays.times_ms) / took_s),
        }


def _counting_ms(run: Run) -> float:
    begun = time.monotonic()
    run.one(COUNT)
    return round((time.monotonic() - begun) * 1000, 1)


def _figures(ended: Ended) -> Figures:
    return {
        "took_s": round(ended.seconds, 2),
        "cpu_s": round(ended.cpu_s, 2),
        "peak_mib": round(ended.peak_mib, 1),
    }


class _Replays:
    """Times of the records that come into `gamification.replay` from when it is made."""

    def __init__(self, run: Run) -> None:
        self.times_ms: list[int] = []
        self.first_after_s = 0.0
        self._begun = time.monotonic()
        self._consumer = Consumer(
            {
                "bootstrap.servers": run.ground.kafka,
                "group.id": "bench",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 0,
            }
        )
        known = self._consumer.list_topics(REPLAY_TOPIC, timeout=10).topics[REPLAY_TOPIC]
        places = [TopicPartition(REPLAY_TOPIC, part, OFFSET_END) for part in known.partitions]
        ends = [
            TopicPartition(
                REPLAY_TOPIC,
                each.partition,
                self._consumer.get_watermark_offsets(each, timeout=10)[1],
            )
            for each in places
        ]
        self._consumer.assign(ends)

    def seconds(self) -> float:
        """How long ago the first one was written; 0 when there is none."""
        self._look()
        return time.time() - self.times_ms[0] / 1000 if self.times_ms else 0.0

    def wait_for(self, number: int) -> None:
        """Raises Failed when another number came."""
        until = time.monotonic() + ARRIVED_WITHIN_S
        while len(self.times_ms) < number and time.monotonic() < until:
            self._look()
        if len(self.times_ms) != number:
            raise Failed(f"{len(self.times_ms)} letters came, {number} were sent")

    def _look(self) -> None:
        for message in self._consumer.consume(10_000, timeout=0.01):
            if message.error() is None:
                self.times_ms.append(message.timestamp()[1])
        self.times_ms.sort()
        if self.times_ms and not self.first_after_s:
            self.first_after_s = time.monotonic() - self._begun

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()


def rows(found: Mapping[str, Any]) -> list[Row]:
    looks = found["commands"]
    steady, fast, small = found["steady"], found["fast"], found["replay_small"]
    peak = max(
        each["peak_mib"] for each in (*looks.values(), steady, fast, small, found["discard_tenth"])
    )
    return [
        Row(
            f"{found['letters']:,} dead letters parked: list, show newest, show oldest",
            ", ".join(f"{looks[x]['took_s']} s" for x in ("list", "show_newest", "show_oldest")),
            ", ".join(f"{looks[x]['cpu_s']}" for x in ("list", "show_newest", "show_oldest"))
            + " s of CPU",
        ),
        Row(
            "  replay of 100 of them, all found and sent",
            f"{small['took_s']} s",
            f"{small['cpu_s']} s of CPU",
        ),
        Row(
            "  replay at 100/s for 30 s, by the topic's times",
            f"{steady['per_s']}/s",
            f"{steady['off_percent']} % off",
            "within 2 %",
        ),
        Row("  replay as fast as it goes", f"{fast['per_s']:,}/s"),
        Row("  memory of the command at its highest", f"{peak} MiB", target="< 150 MiB"),
    ]


MEASUREMENT: Final = Measurement(
    name=NAME, about="the dead letters' command beside many parked ones", measure=measure, rows=rows
)
