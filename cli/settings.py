"""List every setting: variable, unit, default, what is allowed, meaning.

python -m cli.settings            a table on a terminal, plain lines in a pipe
python -m cli.settings --json     for programs
python -m cli.settings --markdown docs/configuration.md
"""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Final

import typer

from gamification.settings import Variable, variables

HEADS: Final = ("variable", "default", "unit", "allowed", "meaning")

INTRODUCTION: Final = """\
# Configuration

Every process reads these environment variables once, at its start; an empty one counts as not
set. A wrong value stops the start with exit code 2 and one line on standard error for each
wrong variable, which names it and says what is allowed.

This page is the output of `python -m cli.settings --markdown`.
"""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Examples: python -m cli.settings | grep REDIS; python -m cli.settings --json")
def main(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The page for the docs.")] = False,
) -> None:
    """List every setting: environment variable, unit, default, what is allowed, meaning.

    Exit code 0: listed. Their values are not looked at: `python -m cli.doctor` does that.
    """
    if as_json and markdown:
        raise typer.BadParameter("choose one of --json and --markdown")
    if as_json:
        _print_json()
    elif markdown:
        typer.echo("\n".join(page()))
    elif sys.stdout.isatty():
        _print_table()
    else:
        for variable in variables():
            typer.echo("\t".join(_cells(variable)))


def page() -> Iterator[str]:
    """Lines of the Markdown page."""
    yield from INTRODUCTION.splitlines()
    yield ""
    yield f"| {' | '.join(HEADS)} |"
    yield f"|{' --- |' * len(HEADS)}"
    for variable in variables():
        name, default, *others = _cells(variable)
        cells = (f"`{name}`", f"`{default}`" if default else "", *others)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _cells(variable: Variable) -> tuple[str, ...]:
    return (variable.name, variable.default, variable.unit, variable.allowed, variable.meaning)


def _print_json() -> None:
    import orjson  # noqa: PLC0415 - only needed here

    rows = [asdict(variable) for variable in variables()]
    typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())


def _print_table() -> None:
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.table import Table  # noqa: PLC0415

    table = Table(*HEADS, show_lines=True)
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.overflow = "fold"
    for variable in variables():
        table.add_row(*_cells(variable))
    Console().print(table)


if __name__ == "__main__":
    app()
