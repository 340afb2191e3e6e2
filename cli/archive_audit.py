"""Move old audit rows to the object store: `python -m cli.archive_audit run|status`."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import merchant_of
from cli.outcome import EXIT_FOUND, EXIT_USAGE, outcome
from cli.report import Row, show
from gamification.domain.ids import MerchantId, uuid_text
from gamification.settings import Settings

if TYPE_CHECKING:  # heavy modules are imported inside commands, so that --help is quick
    from gamification.adapters.archive.store import Store
    from gamification.adapters.postgres.session import EngineSession
    from gamification.application.archive_audit import Done, Look

NAME = "gamification-archive"
OFF = "archiving is off: GAMIFICATION_ARCHIVE_BUCKET is not set; rows stay in Postgres"

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Merchant = Annotated[
    str | None, typer.Option("--merchant-id", help="Only this one; without it all, in turn.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON array.")]


@app.command(
    epilog="Examples: python -m cli.archive_audit run; python -m cli.archive_audit run --yes"
)
def run(
    *,
    merchant_id: Merchant = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only list it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Archive rows older than their merchant's retention, make old objects cold, delete the oldest.

    For a scheduler, once a day. Can be stopped at any time and run again: it goes on where it was.
    Exit code 0: done, or listed; 1: an object is damaged, which is named; 2: archiving is off;
    3: Postgres or the store is away, or another run is under way.
    """
    from gamification.application.archive_audit import Archiver  # noqa: PLC0415 - slow to import
    from gamification.bootstrap.award import now_ms  # noqa: PLC0415 - as above
    from gamification.telemetry import killpoints, logs  # noqa: PLC0415 - as above

    owner = _owner(merchant_id)
    with outcome() as settings, _session(settings) as session:
        if not yes:
            show([_planned(each) for each in _looks(session, owner)], as_json=as_json, empty="")
            typer.echo("nothing was changed; add --yes to do it", err=True)
            return
        killpoints.arm(settings.kill_at)
        logs.configure(settings, "archive", sys.stderr.buffer)
        with _store(settings) as store:
            rows: list[Row] = []
            for done in Archiver(session, store, now_ms).run(owner):
                rows.append(_done(done))
                if done.busy:
                    typer.echo(
                        f"{rows[-1]['merchant_id']}: left alone, a purge is at it or was "
                        "interrupted; if so, purge again",
                        err=True,
                    )
        show(rows, as_json=as_json, empty="")


@app.command(epilog="Example: python -m cli.archive_audit status --json")
def status(*, merchant_id: Merchant = None, as_json: AsJson = False) -> None:
    """Say for each merchant what is archived and what waits.

    Exit code 0: all is well; 1: rows should have been archived days ago, or an object is not
    finished; 3: Postgres is away.
    """
    owner = _owner(merchant_id)
    with outcome() as settings, _session(settings) as session:
        looks = _looks(session, owner)
        show([_state(each) for each in looks], as_json=as_json, empty="")
        if not settings.archive_bucket:
            typer.echo(OFF, err=True)
        if any(each.overdue or each.standing.unfinished for each in looks):
            raise typer.Exit(EXIT_FOUND)


def _looks(session: "EngineSession", owner: MerchantId | None) -> list["Look"]:
    from gamification.application.archive_audit import look, merchants  # noqa: PLC0415
    from gamification.bootstrap.award import now_ms  # noqa: PLC0415 - slow to import

    now = now_ms()
    wanted = merchants(session) if owner is None else [owner]
    return [look(session, each, now) for each in wanted]


def _planned(look: "Look") -> Row:
    return {
        **_whose(look.merchant_id),
        "rows_to_archive": look.waiting,
        "objects_to_finish": look.standing.unfinished,
        "objects_to_make_cold": look.standing.to_cool,
        "objects_to_delete": look.standing.to_delete,
    }


def _done(done: "Done") -> Row:
    return {
        **_whose(done.merchant_id),
        "rows_archived": done.rows,
        "objects_written": done.objects,
        "objects_made_cold": done.made_cold,
        "objects_deleted": done.deleted,
        "left_alone": "yes" if done.busy else "no",
    }


def _state(look: "Look") -> Row:
    if look.standing.unfinished:
        problem = "an object is not finished, or a purge was interrupted"
    else:
        problem = "rows should have been archived days ago" if look.overdue else "none"
    return {
        **_whose(look.merchant_id),
        "retention_days": look.terms.retention_days,
        "keep_months": look.terms.keep_months,
        "rows_waiting": look.waiting,
        "objects": look.standing.objects,
        "objects_cold": look.standing.cold,
        "rows_archived": look.standing.rows,
        "bytes": look.standing.bytes,
        "problem": problem,
    }


def _whose(merchant_id: MerchantId) -> Row:
    return {"merchant_id": uuid_text(merchant_id)}


def _session(settings: Settings) -> "closing[EngineSession]":
    from gamification.adapters.postgres.session import EngineSession  # noqa: PLC0415

    return closing(EngineSession(settings.postgres_dsn.get_secret_value(), NAME))


@contextmanager
def _store(settings: Settings) -> Iterator["Store"]:
    from gamification.adapters.archive.store import open_store  # noqa: PLC0415 - slow to import

    opened = open_store(settings)
    if opened is None:
        typer.echo(OFF, err=True)
        raise typer.Exit(EXIT_USAGE)
    with closing(opened) as store:
        yield store


def _owner(merchant_id: str | None) -> MerchantId | None:
    return None if merchant_id is None else merchant_of(merchant_id)


if __name__ == "__main__":
    app()
