"""Check, activate and look at rulebooks: `python -m cli.rules check|activate|history|backfill`."""

import getpass
import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import merchant_of
from cli.outcome import EXIT_FOUND, outcome
from cli.report import Row, show
from gamification.domain.errors import Halt, Unavailable
from gamification.domain.ids import DEFAULT_MERCHANT, MerchantId
from gamification.settings import Settings, SettingsError
from gamification.settings import load as load_settings

if TYPE_CHECKING:  # heavy modules are imported inside commands, so that --help is quick
    from gamification.adapters.postgres.session import EngineSession
    from gamification.domain.rulebook import Rulebook

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

File = Annotated[Path, typer.Argument(help="A rulebook in YAML.", exists=True, dir_okay=False)]
Merchant = Annotated[
    str | None,
    typer.Option("--merchant-id", help="Whose rulebook; without it the default for all."),
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would be.")]


@app.command(epilog="Example: python -m cli.rules check my-rulebook.yaml")
def check(file: File, *, as_json: AsJson = False) -> None:
    """Say what is in a rulebook, or every mistake with its line.

    Where GAMIFICATION_POSTGRES_DSN is set it also says which badges have no English name there.
    Exit code 0: it can be activated, once these are imported; 1: it has mistakes.
    """
    from gamification.wire.rulebook import RulebookError, load, summary  # noqa: PLC0415

    try:
        rulebook = load(_text_of(file), str(file))
        lines = [*summary(rulebook), *_nameless(rulebook)]
    except RulebookError as error:
        problems = [str(problem) for problem in error.problems]
        typer.echo(
            json.dumps({"ok": False, "problems": problems}) if as_json else "\n".join(problems)
        )
        raise typer.Exit(EXIT_FOUND) from error
    typer.echo(json.dumps({"ok": True, "summary": lines}) if as_json else "\n".join(lines))


@app.command(epilog="Example: python -m cli.rules activate my-rulebook.yaml --merchant-id ID --yes")
def activate(
    file: File,
    *,
    merchant_id: Merchant = None,
    actor: Annotated[str, typer.Option(help="Who does it; kept.")] = "",
    yes: Yes = False,
) -> None:
    """Put a rulebook into force. Running workers take it up with their next batch.

    What was paid stays paid; nothing is paid for the past. Badges that customers have earned by
    their counters already come with their next activity, or at once with `backfill`. Every badge
    needs an English name before: `python -m cli.import_translations`.

    Exit code 0: done, or it could be; 1: it has mistakes, or names are missing; 3: Postgres is
    away.
    """
    from gamification.application.rulebook_admin import activate as put_into_force  # noqa: PLC0415
    from gamification.bootstrap.award import now_ms  # noqa: PLC0415

    owner = _owner(merchant_id)
    check(file)
    if not yes:
        typer.echo("nothing was changed; add --yes to do it", err=True)
        return
    with outcome() as settings, _session(settings) as session:
        who = actor or getpass.getuser()
        version = put_into_force(session, owner, _text_of(file), who, now_ms)
        typer.echo(f"activated: version {version}")


@app.command(epilog="Example: python -m cli.rules history --merchant-id ID")
def history(*, merchant_id: Merchant = None, as_json: AsJson = False) -> None:
    """List the newest 100 versions, newest first.

    Exit code 0: listed; 3: Postgres is away.
    """
    from gamification.application.rulebook_admin import history as versions  # noqa: PLC0415

    owner = _owner(merchant_id)
    with outcome() as settings, _session(settings) as session:
        rows: list[Row] = [
            {
                "version": each.version,
                "state": "active" if each.active else "retired",
                "made_at": f"{each.created_at:%Y-%m-%d %H:%M:%S}",
                "actor": each.actor,
            }
            for each in versions(session, owner)
        ]
        show(rows, as_json=as_json, empty="no rulebook yet")


@app.command(epilog="Example: python -m cli.rules backfill --merchant-id ID --yes")
def backfill(
    *,
    merchant_id: Annotated[str, typer.Option("--merchant-id", help="Whose customers.")],
    yes: Yes = False,
) -> None:
    """Look at every customer's badges under the rulebook in force, 500 customers at a time.

    Can be stopped and run again: customers already looked at are left alone. Exit code 0: done, or
    said what would be; 3: Postgres is away.
    """
    from gamification.application.backfill import Backfill  # noqa: PLC0415
    from gamification.bootstrap.award import now_ms  # noqa: PLC0415

    owner = _owner(merchant_id)
    with outcome() as settings, _session(settings) as session:
        work = Backfill(session, owner, now_ms)
        if not yes:
            typer.echo(f"{work.waiting()} customers would be looked at; add --yes to do it")
            return
        looked = awarded = 0
        for step in work.steps():
            looked += step.customers
            awarded += step.badges
            typer.echo(f"{looked} customers looked at, {awarded} badges awarded")
        typer.echo("done")


def _nameless(rulebook: "Rulebook") -> list[str]:
    """A warning about badges without a name, where there is a database to ask."""
    from gamification.application.rulebook_admin import nameless, no_names  # noqa: PLC0415

    try:
        settings = load_settings()
        if "postgres_dsn" not in settings.model_fields_set:
            return []
        with _session(settings) as session:
            lacking = nameless(session, rulebook)
    except (SettingsError, Unavailable, Halt) as error:
        typer.echo(f"names of badges were not looked for: {error}", err=True)
        return []
    return [f"warning: {no_names(lacking)}"] if lacking else []


def _session(settings: Settings) -> "closing[EngineSession]":
    from gamification.adapters.postgres.session import EngineSession  # noqa: PLC0415

    dsn = settings.postgres_dsn.get_secret_value()
    return closing(EngineSession(dsn, "gamification-rules"))


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        typer.echo(f"{file}: not UTF-8 at byte {error.start}", err=True)
        raise typer.Exit(EXIT_FOUND) from error


def _owner(merchant_id: str | None) -> MerchantId:
    """The default rulebook belongs to nobody."""
    return DEFAULT_MERCHANT if merchant_id is None else merchant_of(merchant_id)


if __name__ == "__main__":
    app()
