"""All commands look alike: who knows one of them knows how to use the others.

They are found by looking, so a new one is held to it as well.
"""

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli.catalogue import entries

INSTALLS: Final = frozenset({"migrate", "topics create", "schemas register"})
"""Run by machines at every deployment, make only what is missing, and say so with `check`."""
READS: Final = frozenset(
    {
        *("archive_audit status", "completion", "doctor", "merchants list", "relay show"),
        *("reprocess_dlq list", "reprocess_dlq show", "rules check", "rules history"),
        *("schemas check", "settings", "topics check"),
    }
)
"""Change nothing, so they need no --yes. A new command is one of these, or has one."""
SHOWS_ROWS: Final = re.compile(r"\bshow(_rows)?\(")
EXIT_CODES: Final = re.compile(r"Exit codes? 0: ")
IDS: Final = ("merchant", "customer")
CLIENTS: Final = {"confluent_kafka", "grpc", "httpx2", "psycopg", "redis", "boto3"}


class Command(NamedTuple):
    """`name` as it is called: `topics check`."""

    module: str
    name: str
    made: Any
    """The library's own object."""

    @property
    def options(self) -> dict[str, Any]:
        return {option: each for each in self.made.params for option in each.opts}

    @property
    def source(self) -> str:
        return inspect.getsource(inspect.unwrap(self.made.callback))


def commands() -> Iterator[Command]:
    for name in entries():
        top: Any = get_command(importlib.import_module(f"cli.{name}").app)
        below = getattr(top, "commands", None)
        if below is None:
            yield Command(name, name, top)
        else:
            yield from (Command(name, f"{name} {word}", made) for word, made in below.items())


EVERY: Final = list(commands())
every_command = pytest.mark.parametrize("command", EVERY, ids=lambda each: each.name)


@every_command
def test_help_works_and_has_an_example_and_the_exit_codes(command: Command) -> None:
    app = importlib.import_module(f"cli.{command.module}").app
    words = command.name.split()[1:]

    done = CliRunner().invoke(app, [*words, "--help"])

    assert done.exit_code == 0
    assert re.search(rf"Examples?: .*python -m cli[. ]{command.name}\b", command.made.epilog or "")
    assert EXIT_CODES.search(" ".join(inspect.cleandoc(command.made.help or "").split()))


@every_command
def test_what_changes_something_is_a_dry_run_without_yes(command: Command) -> None:
    if command.name in INSTALLS | READS:
        assert "--yes" not in command.options
        return
    assert "--yes" in command.options, "or is it one that only reads?"
    yes = command.options["--yes"]
    assert yes.is_flag
    assert yes.default is False
    assert re.match(r"Do it; without, only ", yes.help)
    assert "yes" in command.source


@every_command
def test_what_prints_rows_prints_them_for_programs_too(command: Command) -> None:
    if SHOWS_ROWS.search(command.source):
        assert "--json" in command.options
        assert "as_json" in command.source


@every_command
def test_ids_are_options_with_the_same_name_everywhere(command: Command) -> None:
    for each in command.made.params:
        for kind in IDS:
            if kind in each.name:
                assert each.opts == [f"--{kind}-id"]


@every_command
def test_every_option_says_what_it_is_for(command: Command) -> None:
    assert [each.name for each in command.made.params if not getattr(each, "help", "")] == []


@pytest.mark.parametrize("name", list(entries()))
def test_no_command_offers_to_change_the_shell(name: str) -> None:
    app = importlib.import_module(f"cli.{name}").app

    assert "--install-completion" not in CliRunner().invoke(app, ["--help"]).output


def test_what_is_said_to_change_nothing_is_there() -> None:
    assert {command.name for command in EVERY} >= INSTALLS | READS


def test_no_command_imports_a_client_before_it_is_needed() -> None:
    """They take most of a second: --help and the completion of a word must not wait for them."""
    modules = ", ".join(f"cli.{name}" for name in entries())
    code = f"import sys, {modules}; print(*sorted(set(sys.modules) & {CLIENTS}))"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split() == []
