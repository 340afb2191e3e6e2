"""Clocks of processes jump by hours, ahead and back: what counts is when an event says it was."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.launch import Worker
from tests.faults.harness import Chain
from tests.shim import Clock, Shim

pytestmark = pytest.mark.faults

HOUR_S = 3600
JUMPS_H = (8, -8, 0.5, -0.01, 7, 0)
"""To each of these. An event of now must not become one of the day after tomorrow."""


def launch(chain: Chain, shim: Shim, kind: str) -> tuple[Worker, Clock]:
    clock = shim.clock(kind)
    return chain.launch(kind, clock.environment), clock


def test_clocks_that_jump_under_load_change_nothing(chain: Chain, tmp_path: Path) -> None:
    shim = Shim(tmp_path / "shim")
    crew = [launch(chain, shim, kind) for kind in ("award", "relay", "project")]
    for worker, _clock in crew:
        worker.wait_ready()
    chain.load(events=2_500, per_s=250)
    for hours in JUMPS_H:
        for _worker, clock in crew:
            clock.turn(hours * HOUR_S)
        chain.wait_counted(150)
    chain.settle()


def test_a_process_under_the_shim_has_another_time_of_day(tmp_path: Path) -> None:
    """Else the test above would show nothing."""
    clock = Shim(tmp_path).clock("one")
    clock.turn(-5 * HOUR_S)
    say = (sys.executable, "-c", "import time; print(time.time())")
    said = subprocess.run(
        say,
        env={**os.environ, **clock.environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert abs(time.time() - 5 * HOUR_S - float(said.stdout)) < 60
