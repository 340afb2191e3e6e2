"""How commands end: exit codes that scripts can rely on, one line instead of a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from gamification.domain.errors import Halt, Refused, Suspect, Unavailable
from gamification.settings import Settings, SettingsError, load

EXIT_OK: Final = 0
EXIT_FOUND: Final = 1
"""The command worked and found something wrong."""
EXIT_USAGE: Final = 2
EXIT_AWAY: Final = 3
"""A dependency does not answer."""


@contextmanager
def outcome() -> Iterator[Settings]:
    """Settings for the command; what it raises becomes one line on standard error and a code."""
    try:
        settings = load()
    except SettingsError as error:
        for problem in error.problems:
            typer.echo(problem, err=True)
        raise typer.Exit(EXIT_USAGE) from error
    from gamification.telemetry import logs  # noqa: PLC0415 - slow to import

    # A slow statement's log line is not for who reads rows.
    logs.configure(settings, "command", sys.stderr.buffer, for_good=False)
    try:
        yield settings
    except Unavailable as error:
        typer.echo(f"unavailable: {error}", err=True)
        raise typer.Exit(EXIT_AWAY) from error
    except (Refused, Halt, Suspect) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_FOUND) from error
    except KeyboardInterrupt as error:
        typer.echo("stopped", err=True)
        raise typer.Exit(130) from error
