"""One contestant does the job: once as fast as it can, once by a schedule."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from bench.ground import Ground
from bench.measurement import Failed, Figures
from bench.peers.contestant import Contestant, Entered, Variant, log_tail, must_run, pids
from bench.peers.job import THRESHOLDS, Badge, Job, expected, judge
from bench.peers.watcher import Sight, Watcher
from bench.quantiles import summary
from bench.sender import Load, Sender, lead_s
from bench.usage import Meter, identity_of, resident_mib
from bench.workload import publish

BEGUN_WITHIN_S: Final = 90
LOOK_EVERY_S: Final = 0.02
IDLE_S: Final = 90
"""Nothing new for so long: the rest does not come any more."""
LOST_AFTER_S: Final = 60
STARTED_WITHIN_S: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A schedule: `seconds` are measured, `settle_s` before them are not."""

    per_s: int
    seconds: int
    settle_s: int


def fill(ground: Ground, job: Job) -> tuple[set[Badge], int]:
    """Fill the topic; what must come of it, and how many records that are."""
    ground.empty_topic()
    until_ms = time.time_ns() // 1_000_000
    badges = expected(job.deliveries(until_ms))
    print(f"publishing {job.events:,} events and their repetitions ...", flush=True)
    sent = publish(job.deliveries(until_ms), ground.kafka, ground.schemas)
    return badges, sent.total


def drain(
    ground: Ground,
    contestant: Contestant,
    variant: Variant,
    wanted: set[Badge],
    *,
    within_s: float,
) -> Figures:
    """From the first record consumed to the last badge that a reader of committed records sees.

    The topic is full already. Raises Failed when a process ends by itself.
    """
    with (
        contestant.enter(ground, variant, _new_name()) as entered,
        Watcher(ground, entered.output, entered.read) as watcher,
    ):
        entered.launch()
        begun_at = _begun_at(entered)
        meter = _meter(ground, entered)
        finished = watcher.wait(
            len(wanted), within_s=within_s, idle_s=IDLE_S, check=lambda: must_run(entered.processes)
        )
        usage = meter.read()
        memory = _memory_mib(entered)
        ended_at = _last_new_at(watcher.sights, begun_at)
        # What a contestant says while it stops counts, too: it may be said twice.
        entered.stop()
        watcher.rest()
        verdict = judge((sight.badge for sight in watcher.sights), wanted)
        log = "" if finished else log_tail(entered.processes[0])
    return {
        **variant.about(),
        "finished": finished,
        "log_tail": log,
        "took_s": round(ended_at - begun_at, 3),
        "verdict": {**asdict(verdict), "told": str(verdict), "right": verdict.right},
        "cpu_s": _sorted_out(usage["cpu_s"], ground, entered),
        "memory_mib": memory,
        "usage": usage,
    }


def paced(ground: Ground, contestant: Contestant, variant: Variant, pace: Pace) -> Figures:
    """Each event is of a new customer and brings one badge: from due to seen.

    The same load comes before, not counted, so that everybody is connected and warm.
    """
    ground.empty_topic()
    with (
        contestant.enter(ground, variant, _new_name()) as entered,
        Watcher(ground, entered.output, entered.read) as watcher,
    ):
        entered.launch()
        warm = _load(ground, pace.per_s, pace.per_s * pace.settle_s, first=0)
        Sender(warm).finish()
        _wait_for(watcher, warm.events, entered, STARTED_WITHIN_S)
        load = _load(ground, pace.per_s, pace.per_s * pace.seconds, first=warm.events)
        sender = Sender(load)
        meter = _meter(ground, entered, sender=sender.pid)
        _wait_for(
            watcher,
            warm.events + load.events,
            entered,
            load.due(load.events) - time.time() + LOST_AFTER_S,
        )
        usage = meter.read()
        said = sender.finish()
        due = load.fresh(from_s=0)
        sights = watcher.sights
        firsts = {sight.badge.customer: sight.at for sight in reversed(sights)}
        took_s = [firsts[who] - when for who, when in due.items()]
    return {
        **variant.about(),
        **asdict(pace),
        **summary(took_s),
        "doubled": len(sights) - len(firsts),
        "sender": said,
        "usage": usage,
    }


def _new_name() -> str:
    """For a group, topics and a database."""
    return f"peers_{time.time_ns() // 1_000_000}"


def _load(ground: Ground, per_s: int, events: int, *, first: int) -> Load:
    return Load(
        kafka=ground.kafka,
        registry=ground.stack.addresses.registry_url,
        begin=time.time() + lead_s(events),
        per_s=per_s,
        events=events,
        first_fresh=first,
        amount=THRESHOLDS[0],
    )


def _wait_for(watcher: Watcher, badges: int, entered: Entered, within_s: float) -> None:
    """Raises Failed when they were not all seen."""
    all_seen = watcher.wait(
        badges, within_s=within_s, idle_s=within_s, check=lambda: must_run(entered.processes)
    )
    if not all_seen:
        raise Failed(f"{watcher.distinct:,} of {badges:,} badges were seen in time")


def _begun_at(entered: Entered) -> float:
    deadline = time.monotonic() + BEGUN_WITHIN_S
    while (begun_at := entered.begun_at()) is None:
        must_run(entered.processes)
        if time.monotonic() > deadline:
            raise Failed(f"nothing was consumed within {BEGUN_WITHIN_S} s")
        time.sleep(LOOK_EVERY_S)
    return begun_at


def _last_new_at(sights: Sequence[Sight], begun_at: float) -> float:
    """When the last badge was seen that had not been seen before."""
    known: set[Badge] = set()
    last = begun_at
    for at, badge in sights:
        if badge not in known:
            known.add(badge)
            last = at
    return last


def _meter(ground: Ground, entered: Entered, **others: int) -> Meter:
    own = {process.name: process.identity for process in entered.processes}
    more = {name: identity_of(pid) for name, pid in others.items()}
    servers = ground.server_processes
    return Meter({**servers, **own, **more}, whole=bool(servers))


def _memory_mib(entered: Entered) -> float:
    """Of all own processes together, each at its highest so far (resident)."""
    return round(sum(resident_mib(pid)[1] for pid in pids(entered.processes)), 1)


def _sorted_out(cpu_s: Mapping[str, float], ground: Ground, entered: Entered) -> dict[str, Any]:
    """CPU seconds of the contestant's own processes, and of each server; None when not known."""
    own = sum(cpu_s[process.name] for process in entered.processes)
    known = {name: cpu_s.get(name) for name in ("kafka", "postgres", "redis")}
    return {"own": round(own, 2), **(known if ground.server_processes else {})}
