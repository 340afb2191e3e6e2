"""Results as a table for people, as JSON for programs, and as part of docs/performance.md."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from bench import profile
from bench.catalogue import BY_NAME
from bench.machine import is_busy
from bench.measurement import Failed, Row

ROOT: Final = Path(__file__).parents[1]
LATEST: Final = Path(__file__).parent / "results" / "latest.json"
PAGE: Final = ROOT / "docs" / "performance.md"
FIGURES: Final = ("<!-- figures: python -m bench --write-docs -->", "<!-- end of figures -->")
STAGES: Final = ("<!-- stages: python -m bench profile award -->", "<!-- end of stages -->")

Results = dict[str, Any]
"""By measurement: on which machine it was made and when, and its figures."""


def read(path: Path) -> Results:
    """What an earlier run left; {} when there is none."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def write(results: Results, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")


def show(results: Mapping[str, Any]) -> None:
    """Print the table."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in Row._fields:
        table.add_column(title, overflow="fold")
    for row in _rows(results):
        table.add_row(*row)
    Console(width=150).print(table)


def write_page(results: Mapping[str, Any]) -> None:
    """Put figures and stages between the marks of docs/performance.md. Raises Failed."""
    measured = {name: result for name, result in results.items() if name in BY_NAME}
    text = PAGE.read_text()
    if measured:
        text = between(FIGURES, text, [*_about(measured), "", *_markdown(_rows(measured))])
    profiled = results.get(profile.NAME)
    if profiled is not None:
        body = [*_about({profile.NAME: profiled}), "", *profile.markdown(profiled["figures"])]
        text = between(STAGES, text, body)
    PAGE.write_text(text)


def between(marks: tuple[str, str], text: str, body: list[str]) -> str:
    """The text with `body` between the lines that are `marks`. Raises Failed."""
    before, begin, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (begin and end):
        raise Failed(f"{PAGE.name} lacks the lines {' and '.join(marks)}")
    inner = "\n".join(body)
    return f"{before}{begin}\n{inner}\n{end}{after}"


def _rows(results: Mapping[str, Any]) -> Iterator[Row]:
    for name, measurement in BY_NAME.items():
        if name in results:
            yield from measurement.rows(results[name]["figures"])


def _markdown(rows: Iterable[Row]) -> Iterator[str]:
    yield "| what | value | ratio | target |"
    yield "| --- | --- | --- | --- |"
    for row in rows:
        # Indentation says that a line belongs to the one above.
        what = row.what.replace("  ", "- ", 1) if row.what.startswith("  ") else row.what
        yield f"| {what} | {row.value} | {row.ratio} | {row.target} |"


def _about(results: Mapping[str, Any]) -> Iterator[str]:
    """When and where, once for all measurements that have it in common."""
    yield from dict.fromkeys(origin(each) for each in results.values())


def origin(result: Mapping[str, Any]) -> str:
    """When and where a result was made, as a sentence."""
    machine = result["machine"]
    busy = " The machine was busy: these are not the figures of a quiet one." * is_busy(machine)
    return (
        f"Measured {machine['when']} on {machine['cores']} cores of {machine['cpu']}, "
        f"{machine['memory_gib']} GiB, Python {machine['python']}, "
        f"Postgres {machine['postgres']} with a cache of {machine['shared_buffers']}; "
        f"other programs used {machine['cores_in_use_before']} cores when it began.{busy}"
    )
