"""The list of settings, as a command and as a page."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import settings as command
from gamification.settings import variables

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command.app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_page_in_the_docs_is_the_command_s_output() -> None:
    assert PAGE.read_text() == run("--markdown"), (
        "run: python -m cli.settings --markdown > docs/configuration.md"
    )


def test_a_pipe_gets_one_line_for_each_variable() -> None:
    lines = run().splitlines()

    assert [line.split("\t")[0] for line in lines] == [v.name for v in variables()]


def test_programs_get_json() -> None:
    rows = json.loads(run("--json"))

    wait = next(row for row in rows if row["name"] == "GAMIFICATION_BATCH_WAIT_MS")
    assert (wait["unit"], wait["default"]) == ("ms", "1")


def test_a_terminal_gets_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    command._print_table()

    printed = capsys.readouterr().out
    assert all(variable.name in printed for variable in variables())


def test_two_forms_at_once_are_refused_as_usage() -> None:
    assert CliRunner().invoke(command.app, ["--json", "--markdown"]).exit_code == 2
