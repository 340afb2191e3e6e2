"""What the engine does when each process may use no more than a pod: 0.3 CPU and 256 MiB.

Servers, senders and readers are not limited: those are other people's machines.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import Any, Final

from bench.cage import Cage
from bench.caller import Caller, Calls
from bench.ground import Ground
from bench.latency import at_rate
from bench.measurement import Bench, Figures, Measurement, Row
from bench.run import Run, fresh_run
from bench.sender import Load, lead_s
from bench.serving import fill, serving
from deploy.launch import KINDS, Worker

NAME: Final = "limits"
CPUS: Final = 0.3
MEMORY_MIB: Final = 256
EVENTS_MAX: Final = 100_000
"""Of the drain: more take long and say the same."""
PER_S: Final = 50
SETTLE_S: Final = 3
ANNOUNCED_WITHIN_S: Final = 600.0
MERCHANTS: Final = 20


def measure(bench: Bench) -> Figures:
    return {
        "cpus": CPUS,
        "memory_limit_mib": MEMORY_MIB,
        "drain": _drain(bench),
        "latency": _latency(bench),
        "award_badge": _award_badge(bench),
    }


class _Caged:
    """A run whose every worker gets a cage of its own when it is launched."""

    def __init__(self, run: Run, stack: ExitStack) -> None:
        self.run = run
        self._stack = stack
        self._cages: dict[str, Cage] = {}
        run.on_launch = self._put

    def start(self, *kinds: str) -> dict[str, float]:
        """Launch them one after the other; seconds that each took until it was ready."""
        took_s = {}
        for kind in kinds:
            begun = time.monotonic()
            self.run.launch(kind).wait_ready()
            took_s[kind] = round(time.monotonic() - begun, 1)
        return took_s

    def held_back(self) -> Figures:
        """By worker: share of the periods of 100 ms in which it had to wait, and more."""
        found = {}
        for name, cage in self._cages.items():
            told = cage.throttled()
            found[name] = {
                **asdict(told),
                "share": round(told.held_back / max(1, told.periods), 3),
                "killed": cage.killed(),
            }
        return found

    def _put(self, worker: Worker) -> None:
        cage = Cage(f"gamification-bench-{worker.pid}", CPUS, MEMORY_MIB)
        self._stack.callback(cage.close)
        self._cages[worker.name] = cage
        cage.put(worker.pid)


@contextmanager
def _caged(ground: Ground, name: str) -> Iterator[_Caged]:
    # The cages are left last: they have to be empty.
    with ExitStack() as stack, fresh_run(ground, name) as run:
        yield _Caged(run, stack)


def _drain(bench: Bench) -> Figures:
    records = bench.ground.load(min(bench.scale.events, EVENTS_MAX))
    with _caged(bench.ground, "limits_drain") as caged:
        run = caged.run
        start_s = caged.start("relay", "project")
        award = run.launch("award")
        run.first_counted()
        meter = run.meter()
        curve = run.drain([award], records)
        announced_at = run.announced_at(ANNOUNCED_WITHIN_S)
        return {
            "records": records,
            "start_s": start_s,
            "counted_per_s": round(curve.whole_per_s),
            "records_per_s": round(records / (announced_at - curve.assigned_at)),
            "memory_mib": run.memory(),
            "held_back": caged.held_back(),
            "usage": meter.read(),
        }


def _latency(bench: Bench) -> Figures:
    ground, events = bench.ground, PER_S * (SETTLE_S + bench.scale.seconds)
    ground.empty_topic()
    with _caged(ground, "limits_latency") as caged:
        run = caged.run
        start_s = caged.start(*KINDS)
        load = Load(
            kafka=ground.kafka,
            registry=ground.stack.addresses.registry_url,
            begin=time.time() + lead_s(events),
            per_s=PER_S,
            events=events,
            first_fresh=0,
        )
        found = at_rate(run, load)
        return {
            **found,
            "start_s": start_s,
            "memory_mib": run.memory(),
            "held_back": caged.held_back(),
        }


def _award_badge(bench: Bench) -> Figures:
    seconds = bench.scale.seconds
    bench.ground.empty_topic()
    with _caged(bench.ground, "limits_award_badge") as caged, ExitStack() as stack:
        run = caged.run
        fill(run, MERCHANTS, PER_S * (SETTLE_S + seconds))
        begun = time.monotonic()
        served = stack.enter_context(serving(run, {}))
        start_s = {"service": round(time.monotonic() - begun, 1)}
        calls = Calls(
            address=served.address,
            seconds=seconds,
            settle_s=SETTLE_S,
            merchants=MERCHANTS,
            per_s=PER_S,
        )
        caller = Caller(calls)
        stack.callback(caller.close)
        meter = run.meter(caller=caller.pid, neighbours=served.neighbours.pid)
        caller.start()
        found = caller.result()
        return {
            **found,
            "start_s": start_s,
            "usage": meter.read(),
            "memory_mib": run.memory(),
            "held_back": caged.held_back(),
        }


def rows(found: Mapping[str, Any]) -> list[Row]:
    drain, latency, badge = found["drain"], found["latency"], found["award_badge"]
    each = f"{found['cpus']} CPU and {found['memory_limit_mib']} MiB for each process"
    return [
        Row(
            f"{each}: drain of {drain['records']:,} records, announced",
            f"{drain['records_per_s']:,} records/s",
            f"award alone counts {drain['counted_per_s']:,}/s",
        ),
        Row("  held back, memory", _state(drain), target="<= 256 MiB each"),
        Row(
            f"  due -> badge seen, at {PER_S}/s",
            f"p50 {latency['p50_ms']} p99 {latency['p99_ms']} max {latency['max_ms']} ms",
        ),
        Row("  held back, memory", _state(latency), target="<= 256 MiB each"),
        Row(
            f"  AwardBadge: {PER_S}/s by a schedule",
            f"p50 {badge['p50_ms']} p99 {badge['p99_ms']} max {badge['max_ms']} ms",
            f"{sum(badge['failures'].values())} of {badge['calls']:,} failed",
        ),
        Row("  held back, memory", _state(badge), target="<= 256 MiB each"),
        Row(
            "  from start to ready",
            ", ".join(
                f"{name} {took} s" for name, took in (latency["start_s"] | badge["start_s"]).items()
            ),
        ),
    ]


def _state(at: Mapping[str, Any]) -> str:
    """Of each process, the share of periods in which it was held back, and its most memory."""
    return ", ".join(
        f"{name} {told['share']:.0%} {at['memory_mib'][name]:.0f} MiB"
        + " KILLED" * bool(told["killed"])
        for name, told in at["held_back"].items()
    )


MEASUREMENT: Final = Measurement(
    name=NAME,
    about=f"each process with {CPUS} CPU and {MEMORY_MIB} MiB",
    measure=measure,
    rows=rows,
)
