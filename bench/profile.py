"""`python -m bench profile award`: where the worker's and its session's time goes in a drain."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

from bench.ground import Ground
from bench.measurement import Failed, Figures
from deploy.launch import ROOT

RECORDS_MAX: Final = 200_000
WITHIN_S: Final = 600
TOP: Final = 25


def award(ground: Ground, events: int, *, functions: bool) -> Figures:
    """Drain twice: once with a stopwatch at every stage, once under a profiler if wanted."""
    records = min(ground.load(events), RECORDS_MAX)
    figures = _measured(ground, records, "stages")
    if functions:
        figures["functions"] = _measured(ground, records, "functions")["functions"]
    return figures


def _measured(ground: Ground, records: int, kind: str) -> Figures:
    with ground.afresh("profile") as addresses:
        done = subprocess.run(
            (sys.executable, "-m", "bench.profile_award", str(records), kind),
            cwd=ROOT,
            env={**os.environ, **addresses.as_environment()},
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )
    if done.returncode:
        raise Failed(f"the profiled worker ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def lines(found: Mapping[str, Any]) -> list[str]:
    """A table of microseconds for each record."""
    records = found["records"]
    stages = sorted(
        found["stages"].items(), key=lambda each: -(each[1]["worker_s"] + each[1]["server_s"])
    )
    text = [f"{'stage, us for each record':<34}{'both':>8}{'worker':>8}{'session':>9}{'wall':>8}"]
    sums = [0.0, 0.0, 0.0]
    for label, spent in stages:
        each = [spent[name] / records * 1e6 for name in ("worker_s", "server_s", "wall_s")]
        sums = [a + b for a, b in zip(sums, each, strict=True)]
        worker, server, wall = each
        text.append(f"{label:<34}{worker + server:>8.2f}{worker:>8.2f}{server:>9.2f}{wall:>8.2f}")
    worker, server, wall = sums
    text.append(f"{'all':<34}{worker + server:>8.2f}{worker:>8.2f}{server:>9.2f}{wall:>8.2f}")
    other = found["process_cpu_s"] / records * 1e6 - worker
    text.append(f"besides: other threads (librdkafka) {other:.2f} us")
    text.append(
        f"of the worker's: garbage collection {found['collecting_s'] / records * 1e6:.2f} us"
    )
    text += [f"not there any more, see bench/stages.py: {name}" for name in found["missing"]]
    for row in found.get("functions", ())[:TOP]:
        own, whole = (row[name] / records * 1e6 for name in ("own_s", "with_callees_s"))
        text.append(f"{own:>8.2f} us own {whole:>8.2f} us in all  {row['function']}")
    return text
