"""Kafka Streams in Java: exactly_once_v2, state in RocksDB with changelogs in Kafka."""

from collections.abc import Mapping
from typing import Any, Final

from bench.peers import prepare
from bench.peers.contestant import Variant
from bench.peers.external import SCHEMA, External, Place
from bench.points import TOPIC
from deploy.devstack.artefacts import find_java

PROJECT: Final = "kafka_streams"
MAIN: Final = "gamification.peers.Main"
JVM: Final = ("-Xms256m", "-Xmx768m", "-XX:+UseParallelGC")
LOGGED: Final = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
COMMON: Final = {
    "processing.guarantee": "exactly_once_v2",
    "replication.factor": "1",
    "peers.stores": "rocksdb",
    "peers.cached": "true",
    "producer.compression.type": "lz4",
}


def _run(*, threads: int, commit_ms: int) -> Mapping[str, str]:
    return {"num.stream.threads": str(threads), "commit.interval.ms": str(commit_ms)}


class KafkaStreams(External):
    """See Contestant."""

    name = "Kafka Streams"
    promise = "exactly once"
    keeps = "state in RocksDB and changelog topics; no ledger that can be queried, no audit"
    drains = (
        Variant(name="1 thread", settings=_run(threads=1, commit_ms=1000)),
        Variant(name="2 threads", settings=_run(threads=2, commit_ms=1000)),
    )
    paced = (
        Variant(name="1 thread, commit.interval.ms=100", settings=_run(threads=1, commit_ms=100)),
        Variant(name="1 thread, commit.interval.ms=20", settings=_run(threads=1, commit_ms=20)),
    )

    def __init__(self) -> None:
        self._classes = ""

    def prepare(self) -> None:
        self._classes = prepare.java_classes(PROJECT)

    def command(self, place: Place, settings: Mapping[str, Any]) -> tuple[str, ...]:
        told = {
            **COMMON,
            "application.id": place.group,
            "bootstrap.servers": place.kafka,
            "state.dir": str(place.folder / "state"),
            "consumer.auto.offset.reset": "earliest",
            "peers.input": TOPIC,
            "peers.output": place.output,
            "peers.schema": str(SCHEMA),
            **settings,
        }
        file = place.folder / "streams.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in told.items()))
        return (find_java(), *JVM, LOGGED, "-cp", self._classes, MAIN, str(file))
