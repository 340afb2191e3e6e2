"""Make or update the tables: `python -m cli.migrate`. Safe to run from many places at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.outcome import outcome

if TYPE_CHECKING:  # slow to import, and not needed for --help
    from gamification.adapters.postgres.session import EngineSession

SCHEMAS: Final = Path(__file__).parents[1] / "schemas"
DEFAULT_RULEBOOK: Final = SCHEMAS / "rulebooks" / "default.yaml"
TRANSLATIONS: Final = SCHEMAS / "translations"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Examples: python -m cli.migrate; python -m cli.migrate --check")
def main(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only say what is missing.")] = False,
) -> None:
    """Apply the migrations that the database lacks, import the names of the shipped badges, and
    activate the shipped rulebook if none is.

    Exit code 0: the database is as it should be; 1 with --check: something is missing; 3: Postgres
    is away.
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
            _import_names(session)
            version = ensure_default(session, DEFAULT_RULEBOOK.read_text(), now_ms)
        finally:
            session.close()
        if version is not None:
            typer.echo(f"activated: the default rulebook, version {version}")


def _import_names(session: "EngineSession") -> None:
    """Of the shipped badges. What an operator has under the same version stays."""
    from gamification.application.import_translations import import_translations  # noqa: PLC0415
    from gamification.bootstrap.award import now_ms  # noqa: PLC0415
    from gamification.wire.translation_file import load  # noqa: PLC0415

    files = {path.stem: path for path in sorted(TRANSLATIONS.glob("*.yaml"))}
    texts = [
        text
        for path in files.values()
        for text in load(path.read_text(encoding="utf-8"), files, path.name).texts
    ]
    imported = import_translations(session, texts, now_ms, keep_other=True)
    if imported.new:
        typer.echo(f"imported: {len(imported.new)} names of badges in {len(files)} languages")
    for text in imported.kept:
        typer.echo(f"kept: {text.key} in {text.locale}: another text has version {text.version}")


if __name__ == "__main__":
    app()
