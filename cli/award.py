"""Give a customer EXP or coins, or take some away: `python -m cli.award`."""

from typing import Annotated

import typer

from cli.corrections import (
    ActorOption,
    AsJson,
    CustomerOption,
    MerchantOption,
    ReasonOption,
    Yes,
    corrector,
    ordered,
    report,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: python -m cli.award --merchant-id 6f9b... --customer-id 0d5a... "
    "--coins 50 --key TICKET-812 --reason 'prize was lost'; with --coins -20 they are taken away"
)
def award(  # noqa: PLR0913 - what a correction says
    *,
    merchant_id: MerchantOption,
    customer_id: CustomerOption,
    key: Annotated[
        str, typer.Option(help="E.g. the ticket's number: the same key never pays twice.")
    ],
    reason: ReasonOption,
    exp: Annotated[int, typer.Option(help="So much EXP; negative to take it away.")] = 0,
    coins: Annotated[int, typer.Option(help="So many coins; negative to take them away.")] = 0,
    actor: ActorOption = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Add one entry to the customer's ledger, with levels and badges that follow from it.

    The level follows the EXP, down too; badges and what levels paid stay. Coins given here do not
    count as earned. Boards of days, weeks and months stay as they are. To take back what an event
    brought, use cli.reverse; to give a badge, AwardBadge.

    Exit code 0: done, or done before; 1: cannot be done; 3: Postgres is away.
    """
    order = ordered(merchant_id, customer_id, actor, reason, yes=yes)
    with corrector() as means:
        report(means.award(order, exp, coins, key), yes=yes, as_json=as_json)


if __name__ == "__main__":
    app()
