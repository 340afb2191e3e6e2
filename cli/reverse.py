"""Take back what a customer was paid by mistake: `python -m cli.reverse`."""

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
from cli.options import usage, uuid_of

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: python -m cli.reverse --merchant-id 6f9b... --customer-id 0d5a... "
    "--event-id 8f0f... --reason 'test data'; python -m cli.reverse --merchant-id 6f9b... "
    "--customer-id 0d5a... --entry 17 --entry 18 --reason 'paid twice by the shop' --yes"
)
def reverse(  # noqa: PLR0913 - what a correction says
    *,
    merchant_id: MerchantOption,
    customer_id: CustomerOption,
    reason: ReasonOption,
    entry: Annotated[
        list[int] | None, typer.Option(min=1, help="Number of an entry; may be given many times.")
    ] = None,
    event_id: Annotated[
        str | None, typer.Option(help="All entries that this event brought; a UUID.")
    ] = None,
    actor: ActorOption = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Add the opposite of entries to the customer's ledger. Each is taken back once at most.

    The level follows the EXP. Badges stay, and what they and levels paid is taken back only where
    its entry is named or the event brought it. Caps and once-only rewards stay used up: the same
    event, sent again, pays nothing. Boards of days, weeks and months stay as they are.

    Exit code 0: done, or done before; 1: cannot be done (coins are spent); 3: Postgres is away.
    """
    if bool(entry) == bool(event_id):
        raise usage("--entry, --event-id", "one of the two")
    event = None if event_id is None else uuid_of(event_id, "--event-id")
    order = ordered(merchant_id, customer_id, actor, reason, yes=yes)
    from gamification.domain.ids import EventId  # noqa: PLC0415 - slow to import

    with corrector() as means:
        found = None if event is None else EventId(event)
        report(means.reverse(order, entry or (), found), yes=yes, as_json=as_json)


if __name__ == "__main__":
    app()
