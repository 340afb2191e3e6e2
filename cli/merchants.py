"""Look at merchants, make and change them: `python -m cli.merchants list|put`."""

from contextlib import closing
from typing import Annotated

import typer

from cli.options import merchant_of, usage
from cli.outcome import outcome
from cli.report import Row, show

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON array.")]


@app.command("list", epilog="Example: python -m cli.merchants list --json")
def list_them(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The first so many.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """List merchants in the order of their ids.

    Exit code 0: listed; 3: Postgres is away.
    """
    from gamification.adapters.postgres import merchants  # noqa: PLC0415
    from gamification.adapters.postgres.session import EngineSession  # noqa: PLC0415
    from gamification.domain.ids import uuid_text  # noqa: PLC0415

    with outcome() as settings:
        dsn = settings.postgres_dsn.get_secret_value()
        with closing(EngineSession(dsn, "gamification-merchants")) as session:
            rows: list[Row] = [
                {
                    "merchant_id": uuid_text(row.merchant_id),
                    "timezone": row.timezone,
                    "locale": row.default_locale,
                    "created_at": f"{row.created_at:%Y-%m-%d %H:%M:%S}",
                    "audit_retention_days": row.audit_retention_days,
                    "audit_keep_months": row.audit_keep_months,
                }
                for row in merchants.first(session, limit)
            ]
    show(rows, as_json=as_json, empty="no merchants yet: one is made at its first event")


@app.command(
    epilog="Example: python -m cli.merchants put --merchant-id 6f9b1c8e-... "
    "--timezone Europe/Madrid --yes"
)
def put(  # noqa: PLR0913 - one option for each thing that can be set
    *,
    merchant_id: Annotated[str, typer.Option("--merchant-id", help="Which one; a UUID.")],
    timezone: Annotated[
        str | None, typer.Option(help="Where its boards' days begin; IANA name.")
    ] = None,
    locale: Annotated[str | None, typer.Option(help="For customers without one.")] = None,
    audit_retention_days: Annotated[
        int | None,
        typer.Option(min=90, max=180, help="Days until audit rows leave Postgres; 90 at first."),
    ] = None,
    audit_keep_months: Annotated[
        int | None,
        typer.Option(min=12, max=1200, help="Months until they are deleted; 12 at first."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only look.")] = False,
) -> None:
    """Make a merchant, or change what is named here. What is not named stays.

    Change a time zone only while no events come in: days that were counted stay as they were.
    Exit code 0: done, or it could be; 2: a value cannot be; 3: Postgres is away.
    """
    from gamification.adapters.postgres import merchants  # noqa: PLC0415
    from gamification.adapters.postgres.session import EngineSession  # noqa: PLC0415
    from gamification.domain.days import is_zone  # noqa: PLC0415

    merchant = merchant_of(merchant_id)
    if timezone is not None and not is_zone(timezone):
        raise usage("--timezone", f"{timezone} is not an IANA time zone, like Europe/Madrid")
    with outcome() as settings:
        if locale is not None and locale not in settings.supported_locales:
            raise usage("--locale", f"one of {', '.join(settings.supported_locales)}")
        if not yes:
            typer.echo("nothing was changed; add --yes to do it", err=True)
            return
        dsn = settings.postgres_dsn.get_secret_value()
        with closing(EngineSession(dsn, "gamification-merchants")) as session:
            change = merchants.Change(timezone, locale, audit_retention_days, audit_keep_months)
            merchants.put(session, merchant, change)
    typer.echo("done")


if __name__ == "__main__":
    app()
