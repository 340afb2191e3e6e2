"""Values as people write them on a command line; what cannot be read names its option."""

import uuid
from datetime import UTC, datetime

import typer

from cli.outcome import EXIT_USAGE


def uuid_of(text: str, option: str) -> bytes:
    """16 bytes. Exits with a line that names the option."""
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        raise usage(option, "a UUID, like 6f1c2d3e-...") from None


def moment_ms(text: str, option: str) -> int:
    """Milliseconds since 1970, in UTC where no zone is said. Exits with a line for the option."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise usage(option, "a time, like 2026-11-21 or 2026-11-21T13:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def moment_text(ms: int) -> str:
    """As `moment_ms` reads it."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def usage(option: str, allowed: str) -> typer.Exit:
    """To be raised."""
    typer.echo(f"{option}: {allowed}", err=True)
    return typer.Exit(EXIT_USAGE)
