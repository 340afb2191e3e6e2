"""What `make up` prints can be pasted into a shell, and `make down` ends all that it started."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import up
from deploy.devstack import record
from deploy.devstack.identity import Identity

ROOT = Path(up.__file__).parents[1]
COMMAND_WITHIN_S = 120


def pasted(printed: str, *commands: str) -> str:
    """What a shell says to the exports and to the lines with these commands."""
    lines = [
        line.strip()
        for line in printed.splitlines()
        if line.startswith("  export ") or any(command in line for command in commands)
    ]
    done = subprocess.run(
        ["/bin/sh", "-ec", "\n".join(lines)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_WITHIN_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def do(what: str) -> str:
    """As `python -m deploy.up` does, but for a home of this test's own."""
    done = subprocess.run(
        [sys.executable, "-c", f"from deploy import up; from pathlib import Path; {what}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_WITHIN_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.timeout(400)
def test_what_it_prints_can_be_pasted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    running: list[Identity] = []
    try:
        printed = do(f"up.show(up.start(Path({str(home)!r})))")
        note = record.load(home / up.NOTE)
        assert note is not None
        names = {entry.name for entry in note[0]}
        assert names == {"award", "relay", "project", "service", "neighbours"}
        running = [entry.identity for entry in note[0]]

        said = pasted(printed, "cli.merchants put", "deploy.caller award", "deploy.caller purge")
        assert re.search(r"^AWARDED: 'المضياف' \(ar\) for customer \S+$", said, re.MULTILINE), said
        # One entry of the badge given, one of the badge that came with it.
        assert "PURGED: deleted rows 2, archived objects 0" in said
    finally:
        do(f"up.stop(Path({str(home)!r}))")
    assert running
    assert not any(identity.alive() for identity in running)


def test_without_a_token_the_caller_says_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.caller", "purge"],
        env={name: value for name, value in os.environ.items() if name != "TOKEN"},
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_WITHIN_S,
    )
    assert done.returncode == 2
    assert "TOKEN is not set" in done.stderr
