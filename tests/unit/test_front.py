"""`python -m cli`: lists every command without importing any, starts it, and completes words."""

import os
import pty
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from cli.catalogue import GROUPS, entries, grouped
from cli.completing import candidates

ROOT: Final = Path(__file__).parents[2]
HELP_WITHIN_S: Final = 0.5
COMPLETED_WITHIN_S: Final = 20.0


def front(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_every_command_is_listed_once_with_a_line_of_its_own() -> None:
    said = front("--help").stdout.splitlines()

    for name, entry in entries().items():
        assert entry.summary
        lines = [line for line in said if line.split()[:1] == [name]]
        assert [line.split(maxsplit=1)[1] for line in lines] == [entry.summary]


def test_a_command_that_is_in_no_group_is_listed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "new_one.py").write_text(
        '"""Do something: `python -m cli.new_one`."""\n\napp = typer.Typer()\n'
    )
    (tmp_path / "helper.py").write_text('"""No command."""\n')

    assert [(t, [*map(tuple, e)]) for t, e in grouped(tmp_path).items()] == [
        ("Others", [("new_one", "Do something")])
    ]


def test_every_command_has_a_group() -> None:
    assert set(entries()) <= {name for names in GROUPS.values() for name in names}


def test_listing_imports_no_command_and_nothing_slow() -> None:
    program = (
        "import sys; from cli.__main__ import main; main(['--help']); "
        "print([m for m in sys.modules if m.startswith(('typer', 'rich', 'gamification'))])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert said.stdout.splitlines()[-1] == "[]"


def test_listing_takes_less_than_half_a_second() -> None:
    took_s = []
    for _ in range(5):
        begun = time.monotonic()
        front("--help")
        took_s.append(time.monotonic() - begun)

    assert min(took_s) < HELP_WITHIN_S


def test_a_command_is_started_with_its_options_by_either_spelling() -> None:
    direct = subprocess.run(
        [sys.executable, "-m", "cli.settings", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert front("settings", "--json").stdout == direct.stdout
    assert (
        "Usage: python -m cli reprocess_dlq list" in front("reprocess-dlq", "list", "--help").stdout
    )
    assert "Usage: python -m cli topics check" in front("help", "topics", "check").stdout


def test_exit_codes_come_through() -> None:
    assert front().returncode == 2
    assert front("topics", "unknown").returncode == 2
    assert front("revoke_token", "--token-id", "x", "--token-file", "y").returncode == 2


def test_a_command_that_is_not_there_is_told_with_the_nearest_one() -> None:
    done = front("reproces_dlq", "list")

    assert done.returncode == 2
    assert done.stderr.startswith("reproces_dlq is not a command; reprocess_dlq is")


@pytest.mark.parametrize(
    ("words", "last", "expected"),
    [
        ([], "reb", ["rebuild_leaderboard"]),
        (["reprocess_dlq"], "", ["list", "show", "replay", "discard", "--help"]),
        (["reprocess_dlq", "list"], "--sta", ["--status"]),
        (["reprocess_dlq", "list", "--status"], "pa", ["parked"]),
        (["reprocess_dlq", "list", "--status", "="], "pa", ["parked"]),
        (["reprocess_dlq", "replay", "--reason"], "uns", ["unsafe_schema"]),
        (["reprocess_dlq", "replay", "--event-type"], "po", ["points.earned"]),
        (["relay", "resume", "--lane"], "", ["prompt", "rest"]),
        (["relay", "resume", "--lane", "rest"], "--", ["--after", "--yes", "--help"]),
        (["completion"], "", ["bash", "zsh", "fish"]),
        (["rules", "check"], "", []),
        (["revoke_token", "--token-file"], "", []),
        (["no_such_command"], "", []),
    ],
    ids=str,
)
def test_what_can_follow(words: list[str], last: str, expected: list[str]) -> None:
    assert candidates(words, last) == expected


def typed_in_bash(line: str, folder: Path) -> str:
    """What a person sees who types this and Tab, somewhere else than here."""
    script = front("completion", "bash").stdout
    (folder / "rc").write_text(f"PS1='$ '\nbind 'set enable-bracketed-paste off'\n{script}")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execv(str(shutil.which("bash")), ["bash", "--rcfile", "rc", "-i"])  # noqa: S606
    try:
        seen = _read_until(terminal, b"$ ")
        os.write(terminal, line.encode() + b"\t")
        seen = _read_until(terminal, b"\x07", b" ", after=len(line))
    finally:
        os.write(terminal, b"\x15exit\n")
        os.close(terminal)
        os.waitpid(pid, 0)
    return seen.decode()


def _read_until(terminal: int, *ends: bytes, after: int = 0) -> bytes:
    seen = b""
    deadline = time.monotonic() + COMPLETED_WITHIN_S
    while not seen[after:].endswith(ends) and time.monotonic() < deadline:
        seen += os.read(terminal, 1024)
    return seen


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("gamification rebu", "gamification rebuild_leaderboard "),
        ("gamification reprocess_dlq li", "gamification reprocess_dlq list "),
        ("gamification reprocess_dlq list --status dis", "--status discarded "),
        ("gamification relay resume --la", "gamification relay resume --lane "),
    ],
)
def test_bash_completes_what_is_typed(typed: str, completed: str, tmp_path: Path) -> None:
    assert typed_in_bash(typed, tmp_path).endswith(completed)


def test_the_short_name_runs_the_commands_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    script = front("completion", "bash").stdout
    done = subprocess.run(
        [str(shutil.which("bash")), "--norc", "-c", f"{script}\ngamification --help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stdout == front("--help").stdout


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_there_is_a_script_for_other_shells(shell: str) -> None:
    said = front("completion", shell).stdout

    assert "-m cli.completing" in said
    assert "gamification" in said
