"""How much memory each process took at its highest under the loads that were just measured."""

from collections.abc import Mapping
from typing import Any, Final

from bench import drain, latency
from bench.measurement import Bench, Figures, Measurement, Row

NAME: Final = "memory"
LOADS: Final = (drain.NAME, latency.NAME)


def measure(bench: Bench) -> Figures:
    return {load: bench.found[load]["memory_mib"] for load in LOADS}


def rows(found: Mapping[str, Any]) -> list[Row]:
    return [
        Row(
            f"memory under {load}",
            ", ".join(f"{process} {mib:.0f}" for process, mib in of.items()) + " MiB",
            target="<= 256 MiB each; aim 128",
        )
        for load, of in found.items()
    ]


MEASUREMENT: Final = Measurement(
    name=NAME, about="of each process, at its highest", measure=measure, rows=rows, needs=LOADS
)
