"""Put translations into the database: `python -m cli.import_translations FILE...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.outcome import EXIT_FOUND, EXIT_USAGE, outcome
from cli.report import Row, show

if TYPE_CHECKING:  # heavy modules are imported inside commands, so that --help is quick
    from gamification.adapters.postgres.session import EngineSession
    from gamification.application.import_translations import Imported
    from gamification.settings import Settings
    from gamification.wire.translation_file import TranslationFile

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: python -m cli.import_translations names.de.yaml; "
    "python -m cli.import_translations names.*.yaml --yes"
)
def main(
    files: Annotated[
        list[Path], typer.Argument(help="Translations in YAML.", exists=True, dir_okay=False)
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only try.")] = False,
) -> None:
    """Import texts; those that are there already are passed over. Caches hear of it by themselves.

    Exit code 0: imported, or would be; 1: a file has mistakes, or a text is refused, and nothing
    was imported; 3: Postgres is away.
    """
    from contextlib import closing  # noqa: PLC0415

    from gamification.adapters.postgres.session import EngineSession  # noqa: PLC0415
    from gamification.application.import_translations import import_translations  # noqa: PLC0415
    from gamification.bootstrap.award import now_ms  # noqa: PLC0415

    with outcome() as settings:
        read = _read(files, settings)
        texts = [text for file in read for text in file.texts]
        dsn = settings.postgres_dsn.get_secret_value()
        with closing(EngineSession(dsn, "gamification-translations")) as session:
            imported = import_translations(session, texts, now_ms, dry_run=not yes)
            _tell(files, read, imported, as_json=as_json)
            if yes:
                _tell_completeness(session)
            else:
                typer.echo("nothing was changed; add --yes to do it", err=True)


def _read(files: list[Path], settings: "Settings") -> "list[TranslationFile]":
    from gamification.domain.locale import ENGLISH  # noqa: PLC0415
    from gamification.wire.translation_file import TranslationFileError, load  # noqa: PLC0415

    locales = {*settings.supported_locales, ENGLISH}
    read: list[TranslationFile] = []
    wrong = False
    for file in files:
        try:
            read.append(load(file.read_text(encoding="utf-8"), locales, str(file)))
        except UnicodeDecodeError as error:
            wrong = True
            typer.echo(f"{file}: not UTF-8 at byte {error.start}", err=True)
        except OSError as error:
            typer.echo(f"{file}: {error.strerror}", err=True)
            raise typer.Exit(EXIT_USAGE) from error
        except TranslationFileError as error:
            wrong = True
            typer.echo("\n".join(map(str, error.problems)), err=True)
    if wrong:
        raise typer.Exit(EXIT_FOUND)
    return read


def _tell(
    files: list[Path], read: "list[TranslationFile]", imported: "Imported", *, as_json: bool
) -> None:
    new = set(imported.new)
    rows: list[Row] = []
    for path, file in zip(files, read, strict=True):
        added = sum(text in new for text in file.texts)
        rows.append(
            {
                "file": str(path),
                "locale": file.locale,
                "version": file.version,
                "new": added,
                "there_before": len(file.texts) - added,
            }
        )
    show(rows, as_json=as_json, empty="no files")
    typer.echo(f"{len(imported.changed)} texts change for people", err=True)
    for key, locale in imported.hidden:
        typer.echo(
            f"warning: {key} in {locale}: its placeholders are not those of the English text any"
            " more; English is shown until it is imported anew",
            err=True,
        )


def _tell_completeness(session: "EngineSession") -> None:
    from gamification.adapters.postgres.translations import completeness  # noqa: PLC0415

    for one in completeness(session):
        typer.echo(f"{one.locale}: {one.served} of {one.of} keys", err=True)


if __name__ == "__main__":
    app()
