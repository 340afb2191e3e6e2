"""Throughput over the largest batch: what a bigger transaction saves, and where it stops."""

from collections.abc import Mapping
from typing import Any, Final

from bench.measurement import Bench, Figures, Measurement, Row
from bench.run import fresh_run

NAME: Final = "batch_size"
SIZES: Final = (100, 250, 500, 1_000, 2_000, 5_000)
RECORDS_MAX: Final = 60_000
"""The same first records for every size. Nearly all customers in them are new: the work for one
is heavier than in a longer drain."""


def measure(bench: Bench) -> Figures:
    records = min(bench.ground.load(bench.scale.events), RECORDS_MAX)
    return {
        "records": records,
        "sizes": {str(size): _at(bench, size, records) for size in SIZES},
    }


def _at(bench: Bench, size: int, records: int) -> Figures:
    settings = {"GAMIFICATION_BATCH_RECORDS_MAX": str(size)}
    with fresh_run(bench.ground, NAME, settings) as run:
        award = run.launch("award")
        run.first_counted()
        meter = run.meter()
        curve = run.drain([award], records)
        usage = meter.read()
    cpu: dict[str, float] = usage["cpu_s"]
    both = cpu[award.name] + cpu.get("postgres", 0.0)
    return {
        "records_per_s": round(curve.whole_per_s),
        "steady_per_s": round(curve.steady_per_s),
        "cpu_us_per_record": round(both / records * 1e6, 1),
        "usage": usage,
    }


def rows(found: Mapping[str, Any]) -> list[Row]:
    by_size = {int(size): at["steady_per_s"] for size, at in found["sizes"].items()}
    best = max(by_size, key=by_size.__getitem__)
    shown = ", ".join(f"{size:,}: {rate:,}" for size, rate in by_size.items())
    return [Row("records/s by records per batch", shown, f"best at {best:,}")]


MEASUREMENT: Final = Measurement(
    name=NAME, about="throughput over the size of a batch", measure=measure, rows=rows
)
