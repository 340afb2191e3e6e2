"""AwardBadge under load: 1,000 calls at once, and calls by a schedule; what each one costs.

All calls under way at once are a closed loop, whose latency is their number divided by the rate:
it says how many calls a second the service answers. What a caller waits at a given rate is what the
schedules say. Every call gives a badge to another customer, so each is written and announced.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from bench.caller import Caller, Calls
from bench.inside import Inside
from bench.measurement import Bench, Failed, Figures, Measurement, Row
from bench.run import Run, fresh_run
from bench.serving import Serving, fill, issue, serving
from bench.usage import thread_cpu_s

NAME: Final = "award_badge"
IN_FLIGHT: Final = 1_000
MERCHANTS: Final = 200
"""Up to 20,000 calls a second with the default limit of 100 for each."""
CALLS_PER_S_MAX: Final = 4_000
"""More than this cannot be measured: known customers run out."""
SETTLE_S: Final = 3.0
DRAINED_PER_S: Final = 20_000
"""At most: so many records must wait for each second of a load beside a drain."""
TARGET: Final = "p99 < 200 ms, no failure"
ALONE: Final = {"GAMIFICATION_CALLS_TOGETHER_MAX": "1", "GAMIFICATION_CALL_GATHER_MS": "0"}
COSTS: Final = ("service", "postgres", "redis", "neighbours", "caller")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One load. `per_s` makes it a schedule; else IN_FLIGHT calls are under way."""

    name: str
    title: str
    per_s: int = 0
    is_cold: bool = False
    """Tokens and customers of whom the service has never heard."""
    mutual_tls: bool = False
    beside_drain: bool = False
    does_nothing: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    target: str = ""


VARIANTS: Final = (
    Variant(name="warm", title="1,000 at once, caches warm", target=TARGET),
    Variant(name="cold", title="1,000 at once, new tokens and customers", is_cold=True),
    Variant(name="mutual_tls", title="1,000 at once, warm, mTLS", mutual_tls=True),
    Variant(name="each_alone", title="1,000 at once, each commits by itself", settings=ALONE),
    Variant(name="nothing", title="1,000 at once of a method that does nothing", does_nothing=True),
    Variant(name="at_200", title="200/s by a schedule", per_s=200, target=TARGET),
    Variant(name="at_200_cold", title="200/s, new tokens and customers", per_s=200, is_cold=True),
    Variant(name="at_500", title="500/s by a schedule", per_s=500, target=TARGET),
    Variant(name="at_1000", title="1,000/s by a schedule", per_s=1_000, target=TARGET),
    Variant(
        name="beside_drain",
        title="200/s beside a drain by the whole engine",
        per_s=200,
        beside_drain=True,
        target=TARGET,
    ),
)


def measure(bench: Bench) -> Figures:
    return {each.name: _with(bench, each) for each in VARIANTS}


def _with(bench: Bench, variant: Variant) -> Figures:
    ground, seconds = bench.ground, bench.scale.seconds
    if variant.beside_drain:
        backlog = ground.load(max(bench.scale.events, round(DRAINED_PER_S * (seconds + SETTLE_S))))
    else:
        ground.empty_topic()
        backlog = 0
    calls_max = round(CALLS_PER_S_MAX * (seconds + SETTLE_S))
    certificates = issue(ground.folder / "certificates") if variant.mutual_tls else None
    with fresh_run(ground, f"badges_{variant.name}") as run, ExitStack() as stack:
        fill(run, MERCHANTS, calls_max)
        served = stack.enter_context(serving(run, variant.settings, certificates))
        calls = Calls(
            address=served.address,
            seconds=seconds,
            settle_s=SETTLE_S,
            merchants=MERCHANTS,
            in_flight=0 if variant.per_s else IN_FLIGHT,
            per_s=variant.per_s,
            calls_max=calls_max,
            first=calls_max if variant.is_cold else 0,
            own_tokens=variant.is_cold,
            certificates="" if certificates is None else str(certificates),
            does_nothing=variant.does_nothing,
        )
        caller = Caller(calls)
        stack.callback(caller.close)
        if not backlog:
            return _under_load(run, served, caller)
        with _draining(run, backlog) as drained:
            found = _under_load(run, served, caller)
        return {**found, **drained}


@contextmanager
def _draining(run: Run, backlog: int) -> Iterator[Figures]:
    """The engine at work on a backlog. Raises Failed when it was through before the block was."""
    run.application.start("relay", "project")
    run.launch("award")
    run.first_counted()
    before = run.counted()
    figures: Figures = {}
    yield figures
    counted = run.counted()
    if counted >= backlog:
        raise Failed(f"all {backlog:,} records were counted before the calls ended: more --events")
    figures["records_counted_meanwhile"] = counted - before


def _under_load(run: Run, served: Serving, caller: Caller) -> Figures:
    service = served.service
    meter = run.meter(caller=caller.pid, neighbours=served.neighbours.pid)
    inside, threads = Inside([service]), thread_cpu_s(service.pid)
    caller.start()
    found = caller.result()
    usage = meter.read()
    if found.pop("ran_out"):
        raise Failed(f"more than {CALLS_PER_S_MAX:,} calls a second: prepare more")
    calls = max(1, found["calls"])
    busiest = sorted(
        (spent - threads.get(each, 0.0), each) for each, spent in thread_cpu_s(service.pid).items()
    )[::-1]
    return {
        **found,
        "cpu_us_per_call": {
            name: round(spent / calls * 1e6, 1)
            for name, spent in usage["cpu_s"].items()
            if name in COSTS
        },
        "service_threads_us_per_call": [
            {"main": each == service.pid, "us": round(spent / calls * 1e6, 1)}
            for spent, each in busiest
            if spent
        ],
        "inside": inside.read(usage["wall_s"])[service.name],
        "usage": usage,
        "memory_mib": run.memory(),
    }


def rows(found: Mapping[str, Any]) -> list[Row]:
    made: list[Row] = []
    for each in VARIANTS:
        if each.name in found:
            made.extend(_rows(each, found[each.name]))
    return made


def _rows(variant: Variant, at: Mapping[str, Any]) -> Iterator[Row]:
    failures = sum(at["failures"].values())
    waits = f"p50 {at['p50_ms']} p99 {at['p99_ms']} max {at['max_ms']} ms" if "p50_ms" in at else ""
    yield Row(
        f"AwardBadge: {variant.title}",
        waits,
        f"{at['calls_per_s']:,} calls/s, {failures} of {at['calls']:,} failed",
        variant.target,
    )
    cpu = at["cpu_us_per_call"]
    said = ", ".join(f"{name} {cpu[name]:.0f}" for name in COSTS if cpu.get(name))
    yield Row("  CPU us a call", said, f"{at['inside']['items_per_batch']:g} calls a transaction")


MEASUREMENT: Final = Measurement(
    name=NAME, about="1,000 calls at once, and by a schedule", measure=measure, rows=rows
)
