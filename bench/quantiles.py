"""Quantiles of latencies, for tables and pictures."""

from collections.abc import Sequence
from typing import Any, Final

STEPS: Final = (
    *(x / 100 for x in range(0, 90, 2)),
    *(0.9 + x / 1000 for x in range(0, 90, 3)),
    *(0.99 + x / 10_000 for x in range(0, 100, 5)),
)
"""For drawing: denser towards the end, where the slow ones are."""


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed. Not for empty ones."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def summary(seconds: Sequence[float]) -> dict[str, Any]:
    """In milliseconds: p50, p99, the longest, and the whole distribution in steps."""
    ordered = sorted(seconds)
    return {
        "samples": len(ordered),
        "p50_ms": _ms(quantile(ordered, 0.5)),
        "p90_ms": _ms(quantile(ordered, 0.9)),
        "p99_ms": _ms(quantile(ordered, 0.99)),
        "max_ms": _ms(ordered[-1]),
        "distribution_ms": [[round(step, 4), _ms(quantile(ordered, step))] for step in STEPS],
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
