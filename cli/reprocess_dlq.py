"""Dead letters: look at them, send them again, give them up: `python -m cli.reprocess_dlq`."""

import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli import letters
from cli.letters import (
    IdOption,
    MerchantOption,
    ReasonOption,
    SinceOption,
    TypeOption,
    UntilOption,
)
from cli.options import usage
from cli.outcome import EXIT_FOUND, outcome
from cli.progress import Progress
from cli.report import Row, show
from cli.stopping import Stop
from gamification.settings import Settings

if TYPE_CHECKING:  # heavy modules are imported inside commands, so that --help is quick
    from gamification.adapters.postgres.session import EngineSession
    from gamification.application.reprocess import Sent
    from gamification.domain.letter import LetterFilter

NAME: Final = "gamification-reprocess"
RATE: Final = 100.0
INTERRUPTED: Final = 130
STATUSES: Final = ("parked", "replayed", "resolved", "discarded", "any")

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON array.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would be done.")]


@app.command(
    "list",
    epilog="Examples: python -m cli.reprocess_dlq list --reason invalid_field --since 2026-11-21; "
    "python -m cli.reprocess_dlq list --status any --id 0e9f... --json",
)
def list_them(  # noqa: PLR0913 - the filters
    *,
    merchant_id: MerchantOption = None,
    event_type: TypeOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    letter_id: IdOption = None,
    status: Annotated[str, typer.Option(help="parked, replayed, resolved, discarded or any.")] = (
        "parked"
    ),
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List letters, the newest first, without what they hold.

    Exit code 0: none; 1: some are there; 3: Postgres is away.
    """
    from gamification.adapters.postgres import letter_index  # noqa: PLC0415 - slow to import
    from gamification.domain.letter import LetterStatus  # noqa: PLC0415

    asked = letters.wanted(merchant_id, event_type, reason, since, until, letter_id)
    if status not in STATUSES:
        raise usage("--status", f"one of {', '.join(STATUSES)}")
    with outcome() as settings, _session(settings) as session:
        of_status = None if status == "any" else LetterStatus(status)
        found = letter_index.page(session, asked, of_status, limit)
        show([letters.row(each) for each in found], as_json=as_json, empty=f"no letters ({status})")
        if len(found) == limit:
            typer.echo(f"the newest {limit}; there may be more: --limit, --until", err=True)
        if found:
            raise typer.Exit(EXIT_FOUND)


@app.command("show", epilog="Example: python -m cli.reprocess_dlq show 0e9f...")
def show_one(letter_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Show one letter with its headers and what it holds, decoded; an address in it is masked.

    What cannot be decoded is not shown: it may hold an address. Exit code 1: there is no such
    letter; 3: something is away.
    """
    from gamification.bootstrap.letters import look  # noqa: PLC0415 - slow to import

    asked = letters.wanted(None, None, None, None, None, letter_id)
    with outcome() as settings, _session(settings) as session:
        found = look(settings, session, asked)
        if found is None:
            typer.echo(f"{letter_id}: no such letter", err=True)
            raise typer.Exit(EXIT_FOUND)
        import orjson  # noqa: PLC0415 - only needed here

        said = {**letters.row(found.letter), "headers": found.headers, "fields": found.fields}
        if found.unreadable is not None:
            said["unreadable"] = found.unreadable
        typer.echo(orjson.dumps(said, option=orjson.OPT_INDENT_2).decode())


@app.command(
    epilog="Examples: python -m cli.reprocess_dlq replay --reason unknown_schema; "
    "python -m cli.reprocess_dlq replay --merchant-id 6f9b... --rate 500 --yes"
)
def replay(  # noqa: PLR0913 - the filters
    *,
    merchant_id: MerchantOption = None,
    event_type: TypeOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    letter_id: IdOption = None,
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="Letters a second.")] = RATE,
    force: Annotated[
        bool, typer.Option("--force", help="Also those that came back three times.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send parked letters to gamification.replay, each once, whatever happens meanwhile.

    May be interrupted at any time, and run twice at once: what was sent is not sent again, the
    same command goes on with the rest. Letters that are written while it runs are left alone.

    Exit code 0: all are sent; 1: some came back too often, or are not in the topic; 3: a
    dependency is away; 130: interrupted.
    """
    from gamification.adapters.postgres import letter_index  # noqa: PLC0415 - slow to import

    asked = letters.wanted(merchant_id, event_type, reason, since, until, letter_id)
    with outcome() as settings, _session(settings) as session:
        asked = _until_now(asked)
        most = letter_index.attempts_max(insist=force)
        before = letter_index.parked(session, asked, most)
        if not yes:
            planned: Row = {
                "would_replay": before.letters,
                "came_back_too_often": before.refused,
                "seconds": round(before.letters / rate),
            }
            show([planned], as_json=as_json, empty="")
            typer.echo("nothing was sent; add --yes to do it", err=True)
            return
        _resend(settings, session, asked, rate=rate, force=force, as_json=as_json)


@app.command(epilog="Example: python -m cli.reprocess_dlq discard --reason malformed --yes")
def discard(  # noqa: PLR0913 - the filters
    *,
    merchant_id: MerchantOption = None,
    event_type: TypeOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    letter_id: IdOption = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give parked letters up: they are not sent again. The topic keeps them.

    Exit code 0: done, or said what would be; 3: Postgres is away.
    """
    from gamification.adapters.postgres import letter_index  # noqa: PLC0415 - slow to import
    from gamification.application.reprocess import discard_all  # noqa: PLC0415

    asked = letters.wanted(merchant_id, event_type, reason, since, until, letter_id)
    with outcome() as settings, _session(settings) as session:
        asked = _until_now(asked)
        before = letter_index.parked(session, asked, letter_index.attempts_max(insist=True))
        if not yes:
            show([{"would_discard": before.letters}], as_json=as_json, empty="")
            typer.echo("nothing was changed; add --yes to do it", err=True)
            return
        show([{"discarded": discard_all(session, asked)}], as_json=as_json, empty="")


def _resend(  # noqa: PLR0913 - what the command was told
    settings: Settings,
    session: "EngineSession",
    asked: "LetterFilter",
    *,
    rate: float,
    force: bool,
    as_json: bool,
) -> None:
    from gamification.adapters.postgres import letter_index  # noqa: PLC0415 - slow to import
    from gamification.bootstrap.letters import Way, resend  # noqa: PLC0415
    from gamification.telemetry import killpoints  # noqa: PLC0415

    most = letter_index.attempts_max(insist=force)
    total = letter_index.parked(session, asked, most).letters
    killpoints.arm(settings.kill_at)
    stop = Stop()
    began_s = time.monotonic()
    with Progress("replayed", total, rate) as progress:

        def told(sent: "Sent") -> None:
            progress.at(sent.replayed)

        sent = resend(settings, session, asked, Way(rate, stop.wait, force), told)
    took_s = time.monotonic() - began_s
    left = letter_index.parked(session, asked, most)
    done: Row = {
        "replayed": sent.replayed,
        "seconds": round(took_s),
        "per_second": round(sent.replayed / took_s) if took_s else 0,
        "came_back_too_often": left.refused,
        "left_parked": left.letters,
    }
    show([done], as_json=as_json, empty="")
    if stop.asked:
        typer.echo("interrupted: the same command goes on with the rest", err=True)
        raise typer.Exit(INTERRUPTED)
    if left.refused:
        typer.echo("some came back three times: look at them, or --force", err=True)
    if left.letters:
        typer.echo("some are not in gamification.dlq: not published yet, or deleted", err=True)
    if left.refused or left.letters:
        raise typer.Exit(EXIT_FOUND)


def _until_now(asked: "LetterFilter") -> "LetterFilter":
    """What comes while we are at it is not meant."""
    from dataclasses import replace  # noqa: PLC0415

    now_ms = time.time_ns() // 1_000_000
    until_ms = now_ms if asked.until_ms is None else min(asked.until_ms, now_ms)
    return replace(asked, until_ms=until_ms)


def _session(settings: Settings) -> "closing[EngineSession]":
    from gamification.adapters.postgres.session import EngineSession  # noqa: PLC0415

    return closing(EngineSession(settings.postgres_dsn.get_secret_value(), NAME))


if __name__ == "__main__":
    app()
