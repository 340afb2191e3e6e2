"""Make a token worthless before its time: `python -m cli.revoke_token`."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.outcome import EXIT_USAGE, outcome
from cli.report import Row, show

READ_MAX: Final = 16 * 1024
LOOKS_LIKE_A_TOKEN: Final = "eyJ"  # noqa: S105 - how every JWT begins, not one

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: python -m cli.revoke_token --token-id 7d0f2c --yes; "
    "python -m cli.revoke_token --token-file leaked.txt; "
    "python -m cli.revoke_token --yes < leaked.txt"
)
def main(
    *,
    token_id: Annotated[
        str | None, typer.Option(help="Its id (jti), where the token itself is not at hand.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="The token, in a file. Without both: standard input.")
    ] = None,
    expires_at: Annotated[
        int | None,
        typer.Option(help="With --token-id: when the token ends (exp), seconds since 1970."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, only say what would.")
    ] = False,
) -> None:
    """Put a token on the list that every call asks: for an hour, or until it ends if that is later.

    A token is never taken from the command line, where everybody on this machine could see it.
    Exit code 0: done, or said what would be; 2: no token; 3: Redis is away.
    """
    from gamification.adapters.redis import blacklist  # noqa: PLC0415 - slow to import
    from gamification.adapters.redis.connection import close, connect  # noqa: PLC0415
    from gamification.bootstrap.places import redis_of  # noqa: PLC0415

    wanted_id, until_s = _wanted(token_id, token_file, expires_at)
    now_s = time.time()
    with outcome() as settings:
        client = connect(redis_of(settings), "gamification-revoke")
        try:
            before_s = blacklist.left_s(client, wanted_id)
            would_s = max(before_s or 0, blacklist.ttl_s(until_s, now_s))
            if yes:
                after_s: int | None = blacklist.revoke(client, wanted_id, until_s, now_s)
            else:
                after_s = before_s if before_s == -1 else would_s
        finally:
            close(client)
        row: Row = {
            "token_id": wanted_id,
            "was_revoked_until": _time(now_s, before_s),
            "revoked_until": _time(now_s, after_s),
            "done": "yes" if yes else "no",
        }
        show([row], as_json=as_json, empty="")
        typer.echo("revoked" if yes else "nothing was changed; add --yes to do it", err=True)


def _wanted(
    token_id: str | None, token_file: Path | None, expires_at: int | None
) -> tuple[str, int | None]:
    """The id, and when the token ends if that is known."""
    from gamification.adapters.services import claims  # noqa: PLC0415 - slow to import
    from gamification.domain.errors import NotAuthenticated  # noqa: PLC0415

    if token_id is not None:
        if token_file is not None:
            raise _usage("--token-id or --token-file, not both")
        if token_id.startswith(LOOKS_LIKE_A_TOKEN):
            raise _usage("--token-id: that is a token, not an id; give it by --token-file")
        if not claims.is_name(token_id):
            raise _usage(f"--token-id: 1 to {claims.NAME_CHARACTERS_MAX} characters")
        return token_id, expires_at
    if expires_at is not None:
        raise _usage("--expires-at: only with --token-id; a token says it itself")
    token = _read(token_file)
    try:
        claims.check_form(token)
        said = claims.read(token)
    except NotAuthenticated as error:
        raise _usage(str(error)) from error
    found = said.token_id or said.hashed
    if found is None:
        raise _usage("token: not a JWT; give its id by --token-id")
    return found, said.expires_at_s


def _read(path: Path | None) -> str:
    try:
        if path is None and sys.stdin.isatty():
            return str(typer.prompt("Token", hide_input=True, err=True)).strip()
        if path is None:
            return sys.stdin.buffer.read(READ_MAX).decode("ascii", "replace").strip()
        with path.open("rb") as file:
            return file.read(READ_MAX).decode("ascii", "replace").strip()
    except OSError as error:
        raise _usage(f"--token-file: cannot read {str(path)!r} ({error.strerror})") from error


def _usage(text: str) -> typer.Exit:
    typer.echo(text, err=True)
    return typer.Exit(EXIT_USAGE)


def _time(now_s: float, left_s: int | None) -> str | None:
    if left_s is None:
        return None
    if left_s < 0:
        return "for ever"
    return datetime.fromtimestamp(now_s + left_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    app()
