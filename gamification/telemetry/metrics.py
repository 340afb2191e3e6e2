"""Every metric of every process: names are fixed, labels are bounded.

Metrics belong to no registry until `registry` puts those of one process into one, so that no
process shows a zero for what it does not do.
"""

import platform
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.process_collector import ProcessCollector

from gamification.settings import Settings
from gamification.telemetry.distribution import Distribution
from gamification.telemetry.labels import BoundedLabel

LATENCY_BOUNDS_S: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.2, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0),
)
"""Around the targets (15, 50, 100, 200 ms), and far beyond for a backlog."""
BATCH_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
BATCH_BOUNDS_ITEMS: Final = (1, 10, 50, 100, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)

BADGES_MAX: Final = 500

merchant_label: Final = BoundedLabel(100)
"""A merchant's id as a label, or `other`. Its limit is a setting, see `registry`."""
badge_label: Final = BoundedLabel(BADGES_MAX)


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(name, meaning, labels, registry=None)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(name, meaning, labels, registry=None)


# Every process
BUILD: Final = Info("gamification_build", "Version of the service and of Python.", registry=None)
ERRORS: Final = _counter(
    "gamification_errors_total", "Work that failed, by kind of error.", "error_type"
)
BATCH_ITEMS: Final = Histogram(
    "gamification_batch_items",
    "Records, rows or changes in one batch.",
    buckets=BATCH_BOUNDS_ITEMS,
    registry=None,
)
BATCH_SECONDS: Final = Histogram(
    "gamification_batch_seconds",
    "Time for one batch, from its first step to its commit.",
    buckets=BATCH_BOUNDS_S,
    registry=None,
)

# Award
EVENTS: Final = _counter(
    "gamification_events_total",
    "Records handled and committed; outcome is accepted, duplicate or rejected.",
    "topic",
    "outcome",
)
DUPLICATES: Final = _counter(
    "gamification_duplicates_total",
    "Duplicates found without asking Postgres, by what knew them (redis).",
    "known_by",
)
DEAD_LETTERS: Final = _counter(
    "gamification_dead_letters_total", "Dead letters written, by reason.", "topic", "reason"
)
IGNORED: Final = _counter(
    "gamification_ignored_fields_total",
    "Values of customer.updated that are unknown and left aside.",
    "field",
)
BADGES: Final = _counter(
    "gamification_badge_total", "Badges awarded.", "merchant_id", "badge", "locale"
)
BADGE_LATENCY: Final = Distribution(
    "gamification_badge_latency_seconds",
    "From an activity's record timestamp, or a call's arrival, to the commit that counts it.",
    LATENCY_BOUNDS_S,
)
PAYOUTS: Final = _counter(
    "gamification_payouts_total", "Tournament prizes; status is paid or refused.", "status"
)
LAG_RECORDS: Final = _gauge(
    "gamification_consumer_lag_records",
    "Records of a partition that are not handled yet.",
    "topic",
    "partition",
)
LAG_SECONDS: Final = _gauge(
    "gamification_consumer_lag_seconds",
    "Age of the oldest record of a partition that is not handled yet; 0 when there is none.",
    "topic",
    "partition",
)

# Relay
DLQ_SIZE: Final = _gauge(
    "gamification_dlq_size_total", "Dead letters that are parked now: they wait for a person."
)
OUTBOX_ROWS: Final = _gauge(
    "gamification_outbox_rows", "Outbox rows that this lane of the relay did not look at.", "lane"
)
OUTBOX_AGE: Final = _gauge(
    "gamification_outbox_age_seconds", "Age of the oldest of them; 0 when there is none.", "lane"
)
PUBLISHED: Final = _counter(
    "gamification_relay_published_rows_total", "Outbox rows published to Kafka.", "topic"
)
PUBLISH_DELAY: Final = Distribution(
    "gamification_relay_delay_seconds",
    "From an outbox row's transaction to its commit in Kafka.",
    LATENCY_BOUNDS_S,
)

# Project
PROJECTION_DELAY: Final = Distribution(
    "gamification_projection_delay_seconds",
    "From a change's transaction to its totals in Redis.",
    LATENCY_BOUNDS_S,
)
CHANGES_ROWS: Final = _gauge("gamification_changes_rows", "Change rows not projected yet.")
CHANGES_AGE: Final = _gauge(
    "gamification_changes_age_seconds", "Age of the oldest of them; 0 when there is none."
)
PROJECTED: Final = _counter(
    "gamification_projected_customers_total", "Customers whose totals were written to Redis."
)
REBUILDS: Final = _counter(
    "gamification_leaderboard_rebuilds_total", "Leaderboards written anew from Postgres.", "cause"
)

# Service
REQUESTS: Final = _counter(
    "gamification_requests_total", "Calls answered.", "endpoint", "method", "status"
)
RESPONSE_SECONDS: Final = Histogram(
    "gamification_response_seconds",
    "From a call's arrival to its answer.",
    ("endpoint",),
    buckets=LATENCY_BOUNDS_S,
    registry=None,
)
LIMITED: Final = _counter(
    "gamification_rate_limited_total", "Calls refused because a limit was used up.", "limit"
)
LIMITED_HERE: Final = _gauge(
    "gamification_rate_limits_by_instance",
    "1 while Redis is away and this instance limits by itself; else 0.",
)
CIRCUIT_STATE: Final = _gauge(
    "gamification_circuit_state",
    "Calls of another service: 0 go out, 1 one goes out to try, 2 none does.",
    "service",
)
CONSUL_REGISTERED: Final = _gauge(
    "gamification_consul_registered",
    "1 while the agent of Consul has this instance on its list; 0 also where Consul is not used.",
)
# Whoever shows translated names
TRANSLATION_HITS: Final = _counter(
    "translations_cache_hits_total", "Translations looked up without asking Postgres."
)
TRANSLATION_MISSES: Final = _counter(
    "translations_cache_misses_total", "Translations for which Postgres was asked."
)

Metric = MetricWrapperBase | Distribution

EVERY_PROCESS: Final[tuple[Metric, ...]] = (BUILD, ERRORS, BATCH_ITEMS, BATCH_SECONDS)
OF_PROCESS: Final[dict[str, tuple[Metric, ...]]] = {
    "award": (
        *(EVENTS, DUPLICATES, DEAD_LETTERS, IGNORED, BADGES, BADGE_LATENCY, PAYOUTS),
        *(LAG_RECORDS, LAG_SECONDS),
    ),
    "relay": (DLQ_SIZE, OUTBOX_ROWS, OUTBOX_AGE, PUBLISHED, PUBLISH_DELAY),
    "project": (PROJECTION_DELAY, CHANGES_ROWS, CHANGES_AGE, PROJECTED, REBUILDS),
    "service": (
        *(REQUESTS, RESPONSE_SECONDS, LIMITED, LIMITED_HERE, CIRCUIT_STATE),
        *(CONSUL_REGISTERED, BADGES, BADGE_LATENCY, TRANSLATION_HITS, TRANSLATION_MISSES),
    ),
}


def registry(process: str, settings: Settings) -> CollectorRegistry:
    """What /metrics of one process shows. Also sets the limits of labels."""
    merchant_label.resize(settings.metrics_merchants_max)
    BUILD.info(
        {"version": settings.version, "python": platform.python_version(), "process": process}
    )
    made = CollectorRegistry()
    for metric in (*EVERY_PROCESS, *OF_PROCESS.get(process, ())):
        made.register(metric)
    ProcessCollector(registry=made)
    GCCollector(registry=made)
    return made


def forget_partition(topic: str, partition: int) -> None:
    """Another worker has it now: its lag here would stand still for ever."""
    for gauge in (LAG_RECORDS, LAG_SECONDS):
        gauge.remove(topic, str(partition))
