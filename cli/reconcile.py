"""Compare all that is said twice, and repair what can be derived: `python -m cli.reconcile`."""

import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.corrections import actor_of
from cli.options import usage, uuid_of
from cli.outcome import EXIT_FOUND, outcome
from cli.report import Row, show

if TYPE_CHECKING:  # heavy modules are imported inside commands, so that --help is quick
    from gamification.bootstrap.reconcile import Compared
    from gamification.domain.difference import Check, Difference

TOLD_EVERY_S: Final = 10.0
OUTBOX_ROWS: Final = 100_000

app = typer.Typer(no_args_is_help=False, add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: python -m cli.reconcile; python -m cli.reconcile --only ledger --only boards "
    "--merchant-id 6f9b... --json; python -m cli.reconcile --repair --yes"
)
def reconcile(  # noqa: PLR0913 - what may be asked
    *,
    merchant_id: Annotated[
        str | None, typer.Option("--merchant-id", help="Only this merchant's; a UUID.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="ledger, levels, badges, causes, boards or outbox; may be given many times."
        ),
    ] = None,
    outbox_rows: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="So many of the newest rows of the outbox.")
    ] = OUTBOX_ROWS,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Differences shown.")] = 100,
    repair: Annotated[
        bool, typer.Option("--repair", help="Write anew what follows from something else.")
    ] = False,
    actor: Annotated[
        str | None, typer.Option(help="Who repairs, for the audit log; else who runs the command.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, only say what --repair would write.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")] = False,
) -> None:
    """Say where ledger, balances, levels, badges, leaderboards and Kafka contradict each other.

    May run at any time, beside everything else; a million entries of the ledger take some
    15 seconds. --repair writes profiles from the ledger and the table of badges, and has the
    projection write leaderboards anew; it never writes the ledger, nor anything to Kafka.

    Exit code 0: no difference, or none is left; 1: some; 3: a dependency is away.
    """
    from gamification.bootstrap.reconcile import Asked, compare  # noqa: PLC0415 - slow to import
    from gamification.bootstrap.reconcile import repair as write  # noqa: PLC0415
    from gamification.domain.ids import MerchantId  # noqa: PLC0415

    merchant = None if merchant_id is None else MerchantId(uuid_of(merchant_id, "--merchant-id"))
    checks, who = _checks(only), actor_of(actor) if repair else ""
    with outcome() as settings:
        asked = Asked(checks, merchant, outbox_rows)
        progress = _Progress()
        found = compare(settings, asked, time.sleep, progress.step)
        _show(found, limit, as_json=as_json)
        if repair and yes and (found.customers or found.boards):
            write(settings, found, who, time.sleep, progress.step)
            typer.echo("written anew; compared once more:", err=True)
            found = compare(settings, asked, time.sleep, progress.step)
            _show(found, limit, as_json=as_json)
        elif repair:
            typer.echo(
                f"would write anew: {len(found.customers)} profiles, "
                f"leaderboards of {len(found.boards)} merchants; add --yes to do it",
                err=True,
            )
        if any(each.differing for each in found.findings):
            raise typer.Exit(EXIT_FOUND)


def _checks(only: list[str] | None) -> "set[Check]":
    from gamification.domain.difference import Check  # noqa: PLC0415 - slow to import

    known = [str(check) for check in Check]
    if any(name not in known for name in only or ()):
        raise usage("--only", f"one of {', '.join(known)}")
    return {Check(name) for name in only or known}


class _Progress:
    """A plain line now and then: how far nobody can say without counting all customers."""

    def __init__(self) -> None:
        self._pages = 0
        self._said_s = time.monotonic()

    def step(self) -> None:
        self._pages += 1
        if time.monotonic() - self._said_s >= TOLD_EVERY_S:
            self._said_s = time.monotonic()
            typer.echo(f"{self._pages:,} pages looked at", err=True)


def _show(found: "Compared", limit: int, *, as_json: bool) -> None:
    totals: list[Row] = [
        {
            "check": each.check,
            "compared": each.compared,
            "differ": each.differing,
        }
        for each in found.findings
    ]
    kept = [one for each in found.findings for one in each.differences][:limit]
    rows = [_row(one) for one in kept]
    if as_json:
        import orjson  # noqa: PLC0415 - only needed here

        whole = {"checks": totals, "differences": rows}
        typer.echo(orjson.dumps(whole, option=orjson.OPT_INDENT_2).decode())
        return
    show(totals, as_json=False, empty="nothing was compared")
    if rows:
        show(rows, as_json=False, empty="")
    more = sum(each.differing for each in found.findings) - len(rows)
    if more > 0:
        typer.echo(f"and {more:,} more: --limit, --only, --merchant-id", err=True)


def _row(one: "Difference") -> Row:
    return {
        "check": one.check,
        "merchant_id": one.merchant_id,
        "subject": one.subject,
        "found": one.found,
        "wanted": one.wanted,
        "repair": "yes" if one.is_derived else "no",
    }


if __name__ == "__main__":
    app()
