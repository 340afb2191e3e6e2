"""Rows on a terminal, in a pipe and for programs: the same facts three times."""

import sys
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import typer

Row: TypeAlias = Mapping[str, str | int | None]


def show(rows: Sequence[Row], *, as_json: bool, empty: str) -> None:
    """Print rows that have the same keys; `empty` is said to people when there are none."""
    if as_json:
        import orjson  # noqa: PLC0415 - only needed here

        typer.echo(orjson.dumps(list(rows), option=orjson.OPT_INDENT_2).decode())
    elif not rows:
        typer.echo(empty)
    elif sys.stdout.isatty():
        _show_table(rows)
    else:
        for row in rows:
            typer.echo("\t".join(_text(value) for value in row.values()))


def _show_table(rows: Sequence[Row]) -> None:
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.table import Table  # noqa: PLC0415

    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    Console().print(table)


def _text(value: str | int | None) -> str:
    return "" if value is None else str(value)
