"""The two pictures of docs/performance.md, drawn from results."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from bench.report import ROOT

FOLDER: Final = ROOT / "docs" / "images"
SIZE_INCHES: Final = (7.0, 3.8)
COLOURS: Final = ("#1b6ca8", "#2e8b57", "#c0582b")
SHARES: Final = (0.5, 0.9, 0.99, 0.999)
MILLISECONDS: Final = (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


def draw(results: Mapping[str, Any]) -> list[Path]:
    """Draw what there are figures for; return the files."""
    repeatable()
    drawn: list[Path] = []
    if "latency" in results:
        drawn.append(save(_latency(results["latency"]["figures"]), "latency.svg"))
    if "batch_size" in results:
        drawn.append(save(_batch_size(results["batch_size"]["figures"]), "batch-size.svg"))
    return drawn


def repeatable() -> None:
    """The same figures give the same file."""
    mpl.rcParams["svg.hashsalt"] = "bench"
    mpl.rcParams["svg.fonttype"] = "none"


def _latency(found: Mapping[str, Any]) -> Figure:
    """Time over the share of awards that were seen by then; the slow end is stretched."""
    figure, axes = new_axes()
    for colour, (per_s, at) in zip(COLOURS, found["rates"].items(), strict=False):
        steps = [(share, ms) for share, ms in at["distribution_ms"] if share <= SHARES[-1]]
        axes.plot(
            [1 / (1 - share) for share, _ in steps],
            [ms for _, ms in steps],
            color=colour,
            label=f"{int(per_s):,} events/s",
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([1 / (1 - share) for share in SHARES], [f"{s * 100:g} %" for s in SHARES])
    axes.xaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    shown = [each for each in MILLISECONDS if low <= each <= high]
    axes.set_yticks(shown, [f"{each:g}" for each in shown])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("share of badges that a reader has seen")
    axes.set_ylabel("ms since the activity was due")
    axes.legend(frameon=False)
    return figure


def _batch_size(found: Mapping[str, Any]) -> Figure:
    figure, axes = new_axes()
    sizes = [int(size) for size in found["sizes"]]
    axes.plot(sizes, [at["steady_per_s"] for at in found["sizes"].values()], "o-", color=COLOURS[0])
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("records in a batch, at most")
    axes.set_ylabel("records/s, award worker alone")
    return figure


def new_axes() -> tuple[Figure, Axes]:
    """Of the size and look that all pictures have."""
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure: Figure, name: str) -> Path:
    """Into the folder of the documentation's pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / name
    figure.savefig(path, metadata={"Date": None})
    return path
