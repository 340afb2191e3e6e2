"""`python -m bench profile award`: where the worker's and its session's time goes in a drain."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from bench.ground import Ground
from bench.measurement import Failed, Figures
from deploy.launch import ROOT

NAME: Final = "profile_award"
EVENTS: Final = 200_000
WITHIN_S: Final = 600
TOP: Final = 25
LEAST_SHOWN_US: Final = 0.3


def award(ground: Ground, events: int | None, *, functions: bool) -> Figures:
    """Drain twice: once with a stopwatch at every stage, once under a profiler if wanted."""
    records = ground.load(events or EVENTS)
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


class Line(NamedTuple):
    """A stage's microseconds for each record."""

    stage: str
    worker: float
    session: float
    wall: float

    @property
    def cpu(self) -> float:
        return self.worker + self.session


def stages(found: Mapping[str, Any]) -> list[Line]:
    """The dearest first, then their sum."""
    scale = 1e6 / found["records"]
    each = [
        Line(stage, *(spent[name] * scale for name in ("worker_s", "server_s", "wall_s")))
        for stage, spent in found["stages"].items()
    ]
    each.sort(key=lambda line: -line.cpu)
    columns = zip(*(line[1:] for line in each), strict=True)
    return [*each, Line("all", *(sum(column) for column in columns))]


def besides(found: Mapping[str, Any]) -> list[str]:
    """What is not a stage of its own."""
    scale = 1e6 / found["records"]
    threads_s = found["process_cpu_s"] - sum(each["worker_s"] for each in found["stages"].values())
    text = [
        f"{threads_s * scale:.1f} us more go to the worker's other threads (Kafka's client).",
        f"{found['collecting_s'] * scale:.1f} us of the worker's are garbage collection.",
    ]
    return text + [f"{name} is gone: bench/stages.py" for name in found["missing"]]


def lines(found: Mapping[str, Any]) -> list[str]:
    """For a terminal."""
    text = [f"{'us of CPU for each record':<34}{'both':>8}{'worker':>8}{'session':>9}{'wall':>8}"]
    text += [
        f"{one.stage:<34}{one.cpu:>8.2f}{one.worker:>8.2f}{one.session:>9.2f}{one.wall:>8.2f}"
        for one in stages(found)
    ]
    text += besides(found)
    scale = 1e6 / found["records"]
    for row in found.get("functions", ())[:TOP]:
        own, whole = (row[name] * scale for name in ("own_s", "with_callees_s"))
        text.append(f"{own:>8.2f} us own {whole:>8.2f} us in all  {row['function']}")
    return text


def markdown(found: Mapping[str, Any]) -> list[str]:
    """For docs/performance.md: stages below a third of a microsecond are left out."""
    text = ["| stage | both | worker | session |", "| --- | ---: | ---: | ---: |"]
    text += [
        f"| {one.stage} | {one.cpu:.1f} | {one.worker:.1f} | {one.session:.1f} |"
        for one in stages(found)
        if one.cpu >= LEAST_SHOWN_US
    ]
    return [*text, "", *besides(found)]
