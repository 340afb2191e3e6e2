"""Register our schemas and compare them with the registry: `python -m cli.schemas`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cli.outcome import EXIT_FOUND, outcome
from cli.report import Row, show

if TYPE_CHECKING:
    from gamification.adapters.kafka.registry import SchemaRegistry

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON array.")]


@app.command(epilog="Example: python -m cli.schemas register")
def register(*, as_json: AsJson = False) -> None:
    """Register every version of every topic's schema, oldest first, under BACKWARD.

    What is registered already stays as it is, so this may be run at every deployment.
    Exit code 0: all are registered; 1: the registry refuses one; 3: it does not answer.
    """
    from gamification.adapters.kafka.schema_files import history  # noqa: PLC0415 - as below

    with _registry() as registry:
        rows: list[Row] = []
        for topic, versions in sorted(history().items()):
            registry.set_compatibility(topic)
            for version, schema in enumerate(versions, start=1):
                schema_id = registry.register(topic, schema)
                rows.append({"topic": topic, "version": version, "id": schema_id})
        show(rows, as_json=as_json, empty="no schemas")


@app.command(epilog="Example: python -m cli.schemas check --json")
def check(*, as_json: AsJson = False) -> None:
    """Say which schemas are not registered, and which topics are not under BACKWARD.

    Exit code 0: nothing; 1: something; 3: the registry does not answer.
    """
    from gamification.adapters.kafka.schema_check import differences  # noqa: PLC0415 - as below
    from gamification.adapters.kafka.schema_files import history  # noqa: PLC0415 - as below

    with _registry() as registry:
        found = differences(registry, history())
        rows: list[Row] = [{"topic": d.topic, "difference": d.said} for d in found]
        show(rows, as_json=as_json, empty="all schemas are registered")
        if rows:
            raise typer.Exit(EXIT_FOUND)


@contextmanager
def _registry() -> "Iterator[SchemaRegistry]":
    from gamification.bootstrap.places import registry_of  # noqa: PLC0415 - slow to import

    with outcome() as settings:
        registry = registry_of(settings)
        try:
            yield registry
        finally:
            registry.close()


if __name__ == "__main__":
    app()
