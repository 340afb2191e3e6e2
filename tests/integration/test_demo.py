"""The demonstration runs as its command does, ends well and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOWN = (
    "Sent",
    "Announced",
    "Leaderboard of merchant",
    "Dead letters",
    "conflicting_duplicate",
    "AWARDED: Portas abertas",
    "ALREADY_AWARDED: المضياف",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "on Kafka",
    "PURGED",
    "Throughput:",
    "p99",
    "all four invariants hold",
    "Nothing is left running.",
)


def processes_with(mark: str) -> list[str]:
    """Process ids whose environment has `mark`: whatever the demonstration started inherits it."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            environment = (one / "environ").read_bytes()
        except OSError:  # it ended, or belongs to somebody else
            continue
        if mark.encode() in environment:
            found.append(one.name)
    return found


@pytest.mark.servers
@pytest.mark.timeout(500)
def test_a_small_demonstration_ends_well_and_leaves_nothing_running(tmp_path: Path) -> None:
    mark = f"DEMO_UNDER_TEST={tmp_path}"
    done = subprocess.run(
        [sys.executable, "-m", "deploy.demo", "--events", "1000", "--steady-s", "2"],
        cwd=ROOT,
        env={**os.environ, "DEMO_UNDER_TEST": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=450,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert [said for said in SHOWN if said not in done.stdout] == []
    assert processes_with(mark) == []
