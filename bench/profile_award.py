"""One award worker that watches itself: `python -m bench.profile_award RECORDS stages|functions`.

Settings come from the environment as for any worker. Prints JSON when RECORDS are handled. Made
for `python -m bench profile award`, which prepares what it needs.
"""

import cProfile
import json
import os
import pstats
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bench.stages import Stopwatch, instrument
from consumers.collector import Collector
from gamification.adapters.kafka.consumer import InputConsumer
from gamification.bootstrap.award import AwardWorker
from gamification.settings import load
from gamification.wire.envelope import Record

FUNCTIONS: Final = 40
ROOT: Final = Path(__file__).parents[1]


class Handled:
    """Counts the records that the consumer handed over."""

    def __init__(self) -> None:
        self.records = 0
        original = InputConsumer.poll

        def poll(consumer: InputConsumer, records_max: int, wait_ms: int) -> list[Record]:
            records = original(consumer, records_max, wait_ms)
            self.records += len(records)
            return records

        setattr(InputConsumer, "poll", poll)  # noqa: B010 - mypy knows that one should not


def main(records: int, kind: str) -> dict[str, Any]:
    handled = Handled()
    worker = AwardWorker(load())
    try:
        return {"stages": _stages, "functions": _functions}[kind](worker, handled, records)
    finally:
        worker.close()


def _begin(worker: AwardWorker, handled: Handled) -> int:
    """Connect, join, meet the schemas and the rulebook; return how many records that took."""
    while not handled.records:
        worker.turn()
    return handled.records


def _stages(worker: AwardWorker, handled: Handled, records: int) -> dict[str, Any]:
    watch = Stopwatch("between stages")
    missing = instrument(watch)
    first = _begin(worker, handled)
    watch.reset()
    begun, begun_cpu = time.perf_counter(), time.process_time()
    collector = Collector()
    while handled.records < records:
        with watch.stage("rest of the turn"):
            collector.between_turns()
            worker.turn()
    return {
        "records": handled.records - first,
        "wall_s": time.perf_counter() - begun,
        "process_cpu_s": time.process_time() - begun_cpu,
        "collecting_s": watch.collecting_s,
        "stages": {label: asdict(spent) for label, spent in watch.spent.items()},
        "missing": missing,
        "server_seen": watch.session_pid > 0,
    }


def _functions(worker: AwardWorker, handled: Handled, records: int) -> dict[str, Any]:
    """Calls cost extra under this profiler: it makes small functions look dearer than they are."""
    first = _begin(worker, handled)
    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    while handled.records < records:
        worker.turn()
    profile.disable()
    stats: Any = pstats.Stats(profile)
    found = [
        {"function": _name(*place), "calls": calls, "own_s": own_s, "with_callees_s": whole_s}
        for place, (_, calls, own_s, whole_s, _) in stats.stats.items()
    ]
    found.sort(key=lambda each: -each["own_s"])
    return {"records": handled.records - first, "functions": found[:FUNCTIONS]}


def _name(file: str, line: int, function: str) -> str:
    if not line:
        return function
    return f"{Path(os.path.relpath(file, ROOT)).as_posix()}:{line} {function}"


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2])))
