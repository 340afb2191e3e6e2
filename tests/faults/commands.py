"""Operators' commands, run as operators run them, against the servers of a chain."""

import os
import subprocess
import sys

from deploy.launch import ROOT
from tests.faults.harness import Chain

WITHIN_S = 120


def command(
    chain: Chain, name: str, *arguments: str, kill_at: str = ""
) -> subprocess.CompletedProcess[str]:
    """`python -m cli.NAME ARGUMENTS`, to its end."""
    return subprocess.run(
        (sys.executable, "-m", f"cli.{name}", *arguments),
        cwd=ROOT,
        env={
            **os.environ,
            **chain.addresses.as_environment(),
            **chain.settings,
            "GAMIFICATION_KILL_AT": kill_at,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )


def reprocess(chain: Chain, *arguments: str, kill_at: str = "") -> subprocess.CompletedProcess[str]:
    return command(chain, "reprocess_dlq", *arguments, kill_at=kill_at)
