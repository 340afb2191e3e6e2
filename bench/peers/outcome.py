"""Who did the job how well: a table for people, and a part of docs/performance.md."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from bench import report

LATEST: Final = report.ROOT / "bench" / "results" / "peers.json"
MARKS: Final = ("<!-- peers: python -m bench.peers --write-docs -->", "<!-- end of peers -->")
ENGINE: Final = "engine"
LOOP: Final = "loop"
PER: Final = 100_000
UNKNOWN: Final = "-"
PAGE: Final = report.PAGE
NOTHING: Final[Mapping[str, Any]] = {}


class Row(NamedTuple):
    """One line of the table, as text."""

    who: str
    records_per_s: str
    engine_is: str
    announced: str
    own_cpu: str
    broker_cpu: str
    postgres_cpu: str
    memory: str
    p50: str
    p99: str


TITLES: Final = Row(
    "who, and how",
    "records/s",
    "engine is",
    "badges",
    "own CPU s",
    "broker",
    "Postgres",
    "memory MiB",
    "p50 ms",
    "p99 ms",
)


def best(drains: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The fastest that finished, right ones before wrong ones; else the first."""
    return max(
        drains,
        key=lambda each: (
            each["finished"],
            each.get("verdict", {}).get("right", False),
            each["records_per_s"],
        ),
    )


def quickest(figures: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one with the best 99th percentile; {} when none was measured."""
    measured = [each for each in figures.get("paced", []) if "p99_ms" in each]
    return min(measured, key=lambda each: float(each["p99_ms"]), default={})


def rows(results: Mapping[str, Any]) -> Iterator[Row]:
    """The best drain of each first; the other variants below it."""
    found = {name: each["figures"] for name, each in results.items()}
    ours = best(found[ENGINE]["drains"])["records_per_s"] if ENGINE in found else 0
    for name, figures in found.items():
        if name == LOOP:
            yield _loop(figures, ours)
        elif figures.get("drains"):
            chosen, records = best(figures["drains"]), figures["records"]
            who = f"{figures['name']}, {chosen['variant']}"
            yield _row(who, chosen, ours, records, quickest(figures))
            for other in figures["drains"]:
                if other is not chosen:
                    yield _row(f"  {other['variant']}", other, ours, records)


def in_short(drain: Mapping[str, Any]) -> str:
    """One line for whoever waits."""
    row = _row("", drain, 0, 0)
    return f"{row.records_per_s} records/s, badges: {row.announced}, {row.memory} MiB"


def show(results: Mapping[str, Any]) -> None:
    """Print the table."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in TITLES:
        table.add_column(title, overflow="fold")
    for row in rows(results):
        table.add_row(*row)
    Console(width=150).print(table)


def write_page(results: Mapping[str, Any], page: Path = PAGE) -> None:
    """Put the table between the marks of docs/performance.md. Raises Failed."""
    page.write_text(report.between(MARKS, page.read_text(), [*_markdown(results)]))


def _markdown(results: Mapping[str, Any]) -> Iterator[str]:
    yield from dict.fromkeys(report.origin(each) for each in results.values())
    yield ""
    yield f"| {' | '.join(TITLES)} |"
    yield "| --- " + "| ---: " * (len(TITLES) - 1) + "|"
    for row in rows(results):
        who = row.who.replace("  ", "- ", 1) if row.who.startswith("  ") else row.who
        yield f"| {' | '.join((who, *row[1:]))} |"
    yield ""
    for name, each in results.items():
        if name != LOOP and "name" in each["figures"]:
            figures = each["figures"]
            yield f"- {figures['name']}: {figures['promise']}; {figures['keeps']}.{_paces(figures)}"


def _row(
    who: str, drain: Mapping[str, Any], ours: int, records: int, paced: Mapping[str, Any] = NOTHING
) -> Row:
    speed = drain["records_per_s"]
    cpu = drain.get("cpu_s", {})
    return Row(
        who=who,
        records_per_s=f"{speed:,}" if drain["finished"] else "not finished",
        engine_is=f"{ours / speed:.2f} x" if speed and ours else "",
        announced=drain.get("verdict", {}).get("told", UNKNOWN),
        own_cpu=_per(cpu.get("own"), records),
        broker_cpu=_per(cpu.get("kafka"), records),
        postgres_cpu=_per(cpu.get("postgres"), records),
        memory=f"{drain['memory_mib']:,.0f}" if "memory_mib" in drain else UNKNOWN,
        p50=_ms(paced, "p50_ms"),
        p99=_ms(paced, "p99_ms"),
    )


def _loop(figures: Mapping[str, Any], ours: int) -> Row:
    speed, cpu = figures["records_per_s"], figures["usage"]["cpu_s"]
    # The loop is a part of the benchmark's own process.
    own, records = cpu.get("benchmark"), figures["looped"]
    return Row(
        "one record at a time, without promise",
        f"{speed:,}",
        f"{ours / speed:.1f} x" if ours else "",
        UNKNOWN,
        _per(own, records),
        _per(cpu.get("kafka"), records),
        _per(cpu.get("postgres"), records),
        UNKNOWN,
        UNKNOWN,
        UNKNOWN,
    )


def _per(seconds: float | None, records: int) -> str:
    return UNKNOWN if seconds is None or not records else f"{seconds / records * PER:.2f}"


def _paces(figures: Mapping[str, Any]) -> str:
    """Every latency that was measured, for the list below the table."""
    told = [
        f"{each['variant']}: "
        + (f"p99 {each['p99_ms']:,.0f} ms" if "p99_ms" in each else "not all badges were seen")
        for each in figures.get("paced", [])
    ]
    return f" Latency with {'; '.join(told)}." if told else ""


def _ms(paced: Mapping[str, Any], name: str) -> str:
    return f"{paced[name]:,.1f}" if name in paced else ""
