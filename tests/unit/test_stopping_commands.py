"""A long command that is asked to stop: at its next step, and at once when asked twice."""

import signal
import subprocess
import sys

ASKED = """
from cli.stopping import Stop
stop = Stop()
print("ready", flush=True)
print("asked" if stop.wait(60) else "not asked", flush=True)
"""
HANGS = """
import time
from cli.stopping import Stop
Stop()
print("ready", flush=True)
time.sleep(60)
"""
ENDS_WITHIN_S = 20


def started(program: str) -> "subprocess.Popen[str]":
    made = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert made.stdout is not None
    assert made.stdout.readline() == "ready\n"
    return made


def test_the_first_signal_is_an_answer_to_the_next_question() -> None:
    with started(ASKED) as process:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=ENDS_WITHIN_S)
    assert (said, process.returncode) == ("asked\n", 0)


def test_the_second_one_ends_what_hangs() -> None:
    with started(HANGS) as process:
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
    assert process.returncode == -signal.SIGTERM
