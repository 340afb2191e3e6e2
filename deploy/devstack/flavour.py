"""How big the servers are: small and quick to start for tests, roomy for measuring."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Flavour:
    """`kafka_jvm` are options of the broker's Java; the others are settings by name."""

    kafka_jvm: tuple[str, ...]
    kafka: Mapping[str, str]
    postgres: Mapping[str, str]
    kafka_listeners: tuple[str, ...] = ()
    """Further ones, as NAME://host:port; processes only, not containers."""

    def with_postgres(self, settings: Mapping[str, str]) -> "Flavour":
        """The same with further Postgres settings, which win over ours."""
        return replace(self, postgres={**self.postgres, **settings})

    def with_kafka(self, settings: Mapping[str, str], *listeners: str) -> "Flavour":
        """The same with further Kafka settings, which win over ours, and further listeners."""
        return replace(self, kafka={**self.kafka, **settings}, kafka_listeners=listeners)


_SAFE: Final = {"fsync": "on", "full_page_writes": "on", "max_connections": "100"}
"""What a commit promises is what production promises: nothing here trades it for speed."""

TESTS: Final = Flavour(
    # Only the first compiler: the broker is ready in half the time.
    kafka_jvm=("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    # A broker that comes back is let in only when its former life is given up: after 9 s by
    # default, which every test that restarts it would wait for.
    kafka={"broker.heartbeat.interval.ms": "250", "broker.session.timeout.ms": "2000"},
    postgres={**_SAFE, "shared_buffers": "128MB"},
)

BENCH: Final = Flavour(
    kafka_jvm=("-Xms256m", "-Xmx768m", "-XX:+UseParallelGC"),
    kafka={},
    postgres={**_SAFE, "shared_buffers": "512MB", "max_wal_size": "4GB"},
)

BY_NAME: Final = {"tests": TESTS, "bench": BENCH}
