"""What the workers say of themselves during a load: how many batches, how large, how long.

From their /metrics, as means between two moments. Beside a latency it tells where that came from.
"""

import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from deploy.launch import Worker

ASK_WITHIN_S: Final = 5
ITEMS: Final = "gamification_batch_items"
SECONDS: Final = "gamification_batch_seconds"
DELAYS: Final = {
    "relay": ("gamification_relay_delay_seconds", "from_transaction_to_kafka_ms"),
    "project": ("gamification_projection_delay_seconds", "from_transaction_to_redis_ms"),
}
"""Counted from the beginning of the transaction that made the rows."""


class Inside:
    """Counts from when it is made."""

    def __init__(self, workers: Iterable[Worker]) -> None:
        self._workers = tuple(workers)
        self._before = {worker.name: _sums(worker) for worker in self._workers}

    def read(self, wall_s: float) -> dict[str, Any]:
        """Means since then, by worker; `wall_s` is how long that is."""
        return {
            worker.name: _means(worker.name, self._before[worker.name], _sums(worker), wall_s)
            for worker in self._workers
        }


def _sums(worker: Worker) -> dict[str, float]:
    """Sums and counts of everything without labels."""
    with urllib.request.urlopen(f"{worker.url}/metrics", timeout=ASK_WITHIN_S) as answer:  # noqa: S310
        text = answer.read().decode()
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels and sample.name.endswith(("_sum", "_count"))
    }


def _means(
    name: str, before: Mapping[str, float], after: Mapping[str, float], wall_s: float
) -> dict[str, float]:
    def gained(metric: str) -> float:
        return after.get(metric, 0.0) - before.get(metric, 0.0)

    def mean(metric: str) -> float:
        return gained(f"{metric}_sum") / max(1.0, gained(f"{metric}_count"))

    told = {
        "batches_per_s": round(gained(f"{SECONDS}_count") / wall_s, 1),
        "items_per_batch": round(mean(ITEMS), 1),
        "ms_per_batch": round(mean(SECONDS) * 1000, 2),
    }
    if name in DELAYS:
        metric, label = DELAYS[name]
        told[label] = round(mean(metric) * 1000, 2)
    return told
