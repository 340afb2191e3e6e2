"""Commands of operators, run against a chain's servers as they would run them."""

import os
import subprocess
import sys

from deploy.launch import ROOT
from tests.faults.harness import Chain


def reprocess(chain: Chain, *arguments: str, kill_at: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "cli.reprocess_dlq", *arguments),
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
        timeout=120,
    )
