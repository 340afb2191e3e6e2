"""Make or update the tables: `python -m cli.migrate`. Safe to run from many places at once."""

from pathlib import Path
from typing import Annotated, Final

import typer

from cli.outcome import outcome

DEFAULT_RULEBOOK: Final = Path(__file__).parents[1] / "schemas" / "rulebooks" / "default.yaml"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Examples: python -m cli.migrate; python -m cli.migrate --check")
def main(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only say what is missing.")] = False,
) -> None:
    """Apply the migrations that the database lacks, and activate the shipped rulebook if none is.

    Exit code 0: the database is as it should be; 1 with --check: something is missing.
    """
    from gamification.adapters.postgres.connection import connect  # noqa: PLC0415
    from gamification.adapters.postgres.migrate import migrate, missing  # noqa: PLC0415
    from gamification.adapters.postgres.session import EngineSession  # noqa: PLC0415
    from gamification.application.rulebook_admin import ensure_default  # noqa: PLC0415
    from gamification.bootstrap.award import now_ms  # noqa: PLC0415

    with outcome() as settings:
        dsn = settings.postgres_dsn.get_secret_value()
        database = connect(dsn, "gamification-migrate")
        try:
            if check:
                lacking = missing(database)
                typer.echo("\n".join(f"missing: {name}" for name in lacking) or "up to date")
                raise typer.Exit(1 if lacking else 0)
            applied = migrate(database)
        finally:
            database.close()
        typer.echo("\n".join(f"applied: {name}" for name in applied) or "up to date")
        session = EngineSession(dsn, "gamification-migrate")
        try:
            version = ensure_default(session, DEFAULT_RULEBOOK.read_text(), now_ms)
        finally:
            session.close()
        if version is not None:
            typer.echo(f"activated: the default rulebook, version {version}")


if __name__ == "__main__":
    app()
