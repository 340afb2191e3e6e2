"""Create Kafka's topics and compare them with what they should be: `python -m cli.topics`."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cli.outcome import EXIT_FOUND, outcome
from cli.report import show
from gamification.settings import Settings

if TYPE_CHECKING:
    from gamification.adapters.kafka.topics import TopicPlan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON array.")]


@app.command(epilog="Example: GAMIFICATION_KAFKA_REPLICATION=3 python -m cli.topics create")
def create(*, as_json: AsJson = False) -> None:
    """Create the topics that are missing. Existing ones are left as they are: see `check`.

    Exit code 0: all of them exist now; 3: Kafka does not answer.
    """
    from gamification.adapters.kafka.admin import Admin  # noqa: PLC0415 - slow to import
    from gamification.bootstrap.places import kafka_of  # noqa: PLC0415

    with outcome() as settings:
        plans = _plans(settings)
        created = set(Admin(kafka_of(settings)).create(plans))
        rows = [
            {"topic": p.name, "created": "yes" if p.name in created else "existed before"}
            for p in plans
        ]
        show(rows, as_json=as_json, empty="no topics")


@app.command(epilog="Example: python -m cli.topics check --json")
def check(*, as_json: AsJson = False) -> None:
    """Say what is missing, and which topics have other settings than `create` gives them.

    Exit code 0: nothing; 1: something; 3: Kafka does not answer.
    """
    from gamification.adapters.kafka.admin import Admin  # noqa: PLC0415 - slow to import
    from gamification.bootstrap.places import kafka_of  # noqa: PLC0415

    with outcome() as settings:
        found = Admin(kafka_of(settings)).differences(_plans(settings))
        rows = [{"topic": d.topic, "difference": d.said} for d in found]
        show(rows, as_json=as_json, empty="all topics are as they should be")
        if found:
            raise typer.Exit(EXIT_FOUND)


def _plans(settings: Settings) -> "tuple[TopicPlan, ...]":
    from gamification.adapters.kafka.topics import plan  # noqa: PLC0415 - as above

    return plan(settings.kafka_partitions, settings.kafka_replication, settings.value_bytes_max)


if __name__ == "__main__":
    app()
