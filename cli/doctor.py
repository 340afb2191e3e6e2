"""Check every dependency and say what to do: `python -m cli.doctor`."""

import os
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.outcome import EXIT_AWAY, EXIT_FOUND, EXIT_OK
from cli.report import Row, show
from gamification.settings import SettingsError, load, misspelled

if TYPE_CHECKING:  # heavy modules are imported inside commands, so that --help is quick
    from gamification.application.doctor.finding import Finding

URL: Final = ("http://", "https://")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: python -m cli.doctor; python -m cli.doctor --json; "
    "python -m cli.doctor --process http://127.0.0.1:8081 --process http://127.0.0.1:8082"
)
def main(
    *,
    process: Annotated[
        list[str] | None,
        typer.Option(help="Also ask this process of ours, by its health address; several times."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Ask everybody whom the processes need, by this shell's settings, all at once.

    One line for each check: ok, warning, wrong or away; what was seen; what to do. Takes 15 s at
    most, and changes nothing. What is not set (object store, Consul, TLS) is not looked for.

    Exit code 0: all is well, or there are warnings only; 1: something is wrong; 3: something is
    away.
    """
    from gamification.application.doctor import others  # noqa: PLC0415 - slow to import
    from gamification.bootstrap.doctor import check_all  # noqa: PLC0415 - as above

    urls = process or []
    for url in urls:
        if not url.startswith(URL):
            raise typer.BadParameter(f"--process: {url} does not begin with http://")
    try:
        settings = load()
    except SettingsError as error:
        # Nobody is asked: with a wrong address the others' answers would mislead.
        findings, left_behind = others.settings(error.problems, misspelled()), 0
    else:
        findings, left_behind = check_all(settings, urls, misspelled())
    show([_row(each) for each in findings], as_json=as_json, empty="")
    _end(_code(findings), left_behind)


def _row(finding: "Finding") -> Row:
    return {
        "check": finding.check,
        "state": str(finding.state),
        "seen": finding.seen,
        "what_to_do": finding.advice,
    }


def _code(findings: "list[Finding]") -> int:
    states = {str(each.state) for each in findings}
    if "away" in states:
        return EXIT_AWAY
    return EXIT_FOUND if "wrong" in states else EXIT_OK


def _end(code: int, left_behind: int) -> None:
    """Hard when a check still hangs in a library: an orderly end would wait for it."""
    if left_behind:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise typer.Exit(code)


if __name__ == "__main__":
    app()
