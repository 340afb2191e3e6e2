"""The picture of docs/performance.md that compares the contestants: one bar for each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.peers.outcome import ENGINE, best, quickest
from bench.pictures import COLOURS, new_axes, repeatable, save

FILE: Final = "peers.svg"
ROOM: Final = 1.75
"""For what is written behind the longest bar."""


def draw(results: Mapping[str, Any]) -> list[Path]:
    """Draw it when there are figures; return the files."""
    found = {
        name: each["figures"] for name, each in results.items() if each["figures"].get("drains")
    }
    if not found:
        return []
    repeatable()
    return [save(_bars(found), FILE)]


def _bars(found: Mapping[str, Mapping[str, Any]]) -> Figure:
    figure, axes = new_axes()
    for place, (name, figures) in enumerate(found.items()):
        chosen = best(figures["drains"])
        speed = chosen["records_per_s"]
        axes.barh(place, speed, color=COLOURS[0] if name == ENGINE else COLOURS[1])
        axes.annotate(
            f"{speed:,}/s{_latency(figures)}",
            (speed, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
        )
    labels = [f"{each['name']}\n{best(each['drains'])['variant']}" for each in found.values()]
    axes.set_yticks(range(len(found)), labels)
    axes.invert_yaxis()
    axes.set_xlim(right=axes.get_xlim()[1] * ROOM)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("records/s; beside it the 99th percentile from due to seen")
    return figure


def _latency(figures: Mapping[str, Any]) -> str:
    paced = quickest(figures)
    return f", {paced['p99_ms']:,.0f} ms at {paced['per_s']:,}/s" if "p99_ms" in paced else ""
