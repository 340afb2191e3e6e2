"""Results as a table for people, as JSON for programs, and as part of docs/performance.md."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from bench.catalogue import BY_NAME
from bench.measurement import Failed, Row

ROOT: Final = Path(__file__).parents[1]
LATEST: Final = Path(__file__).parent / "results" / "latest.json"
PAGE: Final = ROOT / "docs" / "performance.md"
BEGIN: Final = "<!-- figures: python -m bench --write-docs -->"
END: Final = "<!-- end of figures -->"

Results = dict[str, Any]
"""By measurement: when and on which machine it was made, and its figures."""


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
    """Put the table between the marks of docs/performance.md. Raises Failed without them."""
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise Failed(f"{PAGE.name} lacks the lines {BEGIN} and {END}")
    body = "\n".join((*_about(results), "", *_markdown(_rows(results))))
    PAGE.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}")


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
    yield from dict.fromkeys(_origin(each) for each in results.values())


def _origin(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    others = machine["cores_in_use_before"]
    return (
        f"Measured {result['when']} on {machine['cores']} cores of {machine['cpu']}, "
        f"{machine['memory_gib']} GiB, Python {machine['python']}, "
        f"Postgres {machine['postgres']} with a cache of {machine['shared_buffers']}; "
        f"other programs used {others} cores when it began."
    )
