"""What `award` and `reverse` have in common: whom they concern, who did it, what came of it."""

import getpass
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import usage, uuid_of
from cli.outcome import outcome
from cli.report import Row, show

if TYPE_CHECKING:  # heavy modules are imported inside functions, so that --help is quick
    from gamification.application.correct import Corrected, Corrector, Order

MerchantOption = Annotated[str, typer.Option("--merchant-id", help="The customer's merchant.")]
CustomerOption = Annotated[str, typer.Option("--customer-id", help="Whose balances; a UUID.")]
ReasonOption = Annotated[
    str, typer.Option(help="Why, in one line, for the audit log. Nothing personal.")
]
ActorOption = Annotated[
    str | None, typer.Option(help="Who does it, for the audit log; else who runs the command.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would come of it.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON array.")]


def ordered(
    merchant_id: str, customer_id: str, actor: str | None, reason: str, *, yes: bool
) -> "Order":
    """Exits with a line that names the option when a value cannot be."""
    from gamification.application.correct import Order  # noqa: PLC0415
    from gamification.domain.ids import CustomerId, MerchantId  # noqa: PLC0415

    customer = (
        MerchantId(uuid_of(merchant_id, "--merchant-id")),
        CustomerId(uuid_of(customer_id, "--customer-id")),
    )
    return Order(customer, actor_of(actor), reason, yes)


def actor_of(actor: str | None) -> str:
    """Who does it, as the audit log may keep it. Exits with a line that names the option."""
    from gamification.domain.identity import plain_id  # noqa: PLC0415 - slow to import

    who = plain_id(actor or getpass.getuser())
    if who is None:
        raise usage("--actor", "an id of letters, digits and ._:-, not an address or a name")
    return who


@contextmanager
def corrector() -> "Iterator[Corrector]":
    """What failed inside becomes one line and an exit code."""
    from gamification.adapters.postgres.session import EngineSession  # noqa: PLC0415
    from gamification.application.correct import Corrector  # noqa: PLC0415
    from gamification.application.rules import Tenants  # noqa: PLC0415
    from gamification.bootstrap.award import now_ms, require_migrated  # noqa: PLC0415
    from gamification.telemetry import killpoints  # noqa: PLC0415
    from gamification.wire.rulebook import load  # noqa: PLC0415

    with outcome() as settings:
        dsn = settings.postgres_dsn.get_secret_value()
        require_migrated(dsn)
        killpoints.arm(settings.kill_at)
        with closing(EngineSession(dsn, "gamification-correct")) as session:
            yield Corrector(session, Tenants(session, load, create_merchants=False), now_ms)


def report(done: "Corrected", *, yes: bool, as_json: bool) -> None:
    """Each entry, then where the customer stands, then what followed."""
    show([_row(done, place) for place in range(len(done.made))], as_json=as_json, empty="")
    if not as_json:
        before, after = done.before, done.after
        for name in before._fields:
            was, is_now = getattr(before, name), getattr(after, name)
            typer.echo(f"{name}: {was:,}" + (f" -> {is_now:,}" if was != is_now else " (stays)"))
        if done.levels:
            typer.echo(f"levels reached: {', '.join(map(str, done.levels))}")
        if done.badges:
            typer.echo(f"badges that follow: {', '.join(done.badges)}")
    if all(each.is_repeated for each in done.made):
        typer.echo("was done before: nothing to do", err=True)
    elif not yes:
        typer.echo("nothing was changed; add --yes to do it", err=True)


def _row(done: "Corrected", place: int) -> Row:
    correction, number, is_repeated = done.made[place]
    return {
        "entry": number,
        "key": correction.key,
        "exp": correction.exp,
        "coins": correction.coins,
        "reverses": correction.reverses,
        "was_done_before": str(is_repeated).lower(),
    }
