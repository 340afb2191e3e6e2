"""Kill points do what they are told, and nothing when nobody armed them."""

import os
import signal
import subprocess
import sys

import pytest

from gamification.telemetry import killpoints

SCRIPT = """
import sys
from gamification.telemetry import killpoints
killpoints.arm(sys.argv[1])
for turn in range(5):
    killpoints.reached("other")
    print(turn, flush=True)
    killpoints.reached("here")
"""


def run(spec: str) -> tuple[int, str]:
    done = subprocess.run(
        (sys.executable, "-c", SCRIPT, spec),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode, "".join(done.stdout.split())


def test_a_process_dies_the_nth_time_that_it_reaches_the_place() -> None:
    assert run("here:3") == (-signal.SIGKILL, "012")


def test_unarmed_it_goes_on() -> None:
    assert run("") == (0, "01234")


def test_a_place_that_is_never_reached_does_nothing() -> None:
    assert run("elsewhere:1") == (0, "01234")


def test_it_can_freeze_instead_and_goes_on_when_continued() -> None:
    with subprocess.Popen((sys.executable, "-c", SCRIPT, "here:2:stop")) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.wait(30) == 0


@pytest.mark.parametrize(
    "spec", ["here", "here:", "here:0", "here:-1", ":1", "here:1:", "here:1:jump", "here:1:stop:x"]
)
def test_a_wrong_spec_is_refused(spec: str) -> None:
    try:
        with pytest.raises(ValueError, match="name:n"):
            killpoints.arm(spec)
    finally:
        killpoints.arm("")
