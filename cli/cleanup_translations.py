"""Delete old versions of translations: `python -m cli.cleanup_translations`."""

from contextlib import closing
from typing import Annotated

import typer

from cli.outcome import outcome
from cli.report import Row, show

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: python -m cli.cleanup_translations --json; "
    "python -m cli.cleanup_translations --keep 5 --yes"
)
def main(
    *,
    keep: Annotated[
        int, typer.Option(min=1, max=1_000, help="Newest versions of each text that stay.")
    ] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only list them.")] = False,
) -> None:
    """Delete versions behind the newest ones of each key and locale that are older than 90 days.

    Readers see no difference. Can be stopped and run again. Exit code 0: listed, or deleted; 3:
    Postgres is away.
    """
    from gamification.adapters.postgres.session import EngineSession  # noqa: PLC0415
    from gamification.application.cleanup_translations import prunable, prune  # noqa: PLC0415

    with outcome() as settings:
        dsn = settings.postgres_dsn.get_secret_value()
        with closing(EngineSession(dsn, "gamification-translations")) as session:
            rows: list[Row] = [one._asdict() for one in prunable(session, keep)]
            show(rows, as_json=as_json, empty="nothing to delete")
            if not yes:
                typer.echo(f"{len(rows)} versions would be deleted with --yes", err=True)
                return
            deleted = 0
            for step in prune(session, keep):
                deleted += step
                if step < len(rows):
                    typer.echo(f"{deleted} deleted", err=True)
            typer.echo(f"{deleted} versions deleted", err=True)


if __name__ == "__main__":
    app()
