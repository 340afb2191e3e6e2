"""How far the relay is, and where it goes on after a disaster: `python -m cli.relay`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cli.outcome import EXIT_FOUND, outcome
from cli.report import Row
from cli.report import show as show_rows
from gamification.settings import Settings

if TYPE_CHECKING:
    from gamification.application.relay_admin import Standing
    from gamification.application.relay_lanes import Ends

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


class LaneName(StrEnum):
    """As in `relay_lanes.LANES`, which is slow to import."""

    PROMPT = "prompt"
    REST = "rest"


AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON array.")]


@app.command(epilog="Example: python -m cli.relay show --json")
def show(*, as_json: AsJson = False) -> None:
    """Say what Kafka and Postgres know of each lane's position, and how much waits.

    Exit code 0: all is well; 1: a relay would stop itself, and why; 3: one of them is away.
    """
    from gamification.application.relay_admin import standing  # noqa: PLC0415 - slow to import
    from gamification.application.relay_lanes import LANES  # noqa: PLC0415 - as above

    with outcome() as settings:
        found = [(lane.name, standing(_ends(settings), lane)) for lane in LANES]
        show_rows([_row(name, now) for name, now in found], as_json=as_json, empty="")
        if any(now.problem is not None for _, now in found):
            raise typer.Exit(EXIT_FOUND)


@app.command(epilog="Example: python -m cli.relay resume --lane prompt --after 1200345 --yes")
def resume(
    *,
    lane: Annotated[LaneName, typer.Option(help="prompt: badge.awarded; rest: every other topic.")],
    after: Annotated[
        int, typer.Option(min=0, help="The last outbox id whose announcement Kafka holds.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what is.")] = False,
) -> None:
    """Let the next relay go on after this outbox id, whatever Kafka and Postgres remember.

    Rows of the lane up to it are never announced, later ones are, also where they were before.
    Stop all relays first. Exit code 0: done, or said what is; 1: refused; 3: one is away.
    """
    from gamification.application import relay_admin  # noqa: PLC0415 - slow to import
    from gamification.application.relay_lanes import LANES  # noqa: PLC0415 - as above

    with outcome() as settings:
        ends = _ends(settings)
        chosen = next(each for each in LANES if each.name == lane.value)
        if not yes:
            now = relay_admin.standing(ends, chosen)
            was = "nothing" if now.kafka is None else str(now.kafka.last_id)
            typer.echo(
                f"Kafka says {was}, Postgres {now.postgres.published} of "
                f"{now.postgres.allocated}; --yes makes both say {after}"
            )
            typer.echo("nothing was changed; add --yes to do it", err=True)
            return
        position = relay_admin.resume(ends, chosen, after)
        typer.echo(f"the next relay goes on with {lane.value} after outbox id {position.last_id}")


def _row(lane: str, now: "Standing") -> Row:
    return {
        "lane": lane,
        "kafka": "-" if now.kafka is None else now.kafka.last_id,
        "kafka_database": "-" if now.kafka is None else now.kafka.incarnation,
        "postgres": now.postgres.published,
        "postgres_database": now.postgres.incarnation,
        "largest_id": now.postgres.allocated,
        "waiting": now.waiting,
        "oldest_s": round(now.oldest_s),
        "problem": now.problem or "none",
    }


def _ends(settings: Settings) -> "Ends":
    from gamification.application.relay_lanes import Ends  # noqa: PLC0415 - slow to import
    from gamification.bootstrap.places import kafka_of  # noqa: PLC0415

    return Ends(settings.postgres_dsn.get_secret_value(), kafka_of(settings))


if __name__ == "__main__":
    app()
