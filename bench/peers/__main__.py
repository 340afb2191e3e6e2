"""The same small job in other stream processors and in ours: `python -m bench.peers`, see --help.

One after the other, on the same broker, from the same topic, with nothing else at work.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import machine, per_event_loop, report
from bench.ground import Ground
from bench.measurement import Failed, Figures
from bench.peers import contest, outcome, picture
from bench.peers.by_engine import Engine
from bench.peers.by_faust import Faust
from bench.peers.by_kafka_streams import KafkaStreams
from bench.peers.by_quix import Quix
from bench.peers.contestant import Contestant
from bench.peers.job import Badge, Job
from bench.warm_up import warm_up
from deploy.devstack.errors import DevstackError
from deploy.devstack.flavour import BENCH
from deploy.devstack.start import start

FLAVOUR: Final = replace(
    # Two processes of one peer start together; without this the second one would come in the
    # middle of the first one's work, and both would stop to share it.
    BENCH,
    kafka={**BENCH.kafka, "group.initial.rebalance.delay.ms": "5000"},
)
CONTESTANTS: Final[dict[str, type[Contestant]]] = {
    "engine": Engine,
    "streams": KafkaStreams,
    "quix": Quix,
    "faust": Faust,
}
LOOP: Final = "loop"
SLOWEST_PER_S: Final = 200
"""Slower than this many records a second is given up."""
LEAST_S: Final = 60


def main(arguments: list[str] | None = None) -> int:
    wanted = _parser().parse_args(arguments)
    try:
        if wanted.write_docs and not wanted.names:
            outcome.write_page(report.read(outcome.LATEST))
            picture.draw(report.read(outcome.LATEST))
        else:
            _measure(wanted)
    except (DevstackError, Failed) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _measure(wanted: argparse.Namespace) -> None:
    """Every result is written when it is there: a run that fails later loses none."""
    names: Sequence[str] = wanted.names or [*CONTESTANTS, LOOP]
    contestants = {name: CONTESTANTS[name]() for name in names if name != LOOP}
    for contestant in contestants.values():
        contestant.prepare()
    job = Job(events=wanted.events, customers=wanted.customers)
    results = {} if not wanted.names else report.read(outcome.LATEST)
    with start(flavour=FLAVOUR) as stack, tempfile.TemporaryDirectory() as folder:
        about = machine.describe(stack.addresses)
        ground = Ground(stack, Path(folder))
        warm_up(ground, wanted.warm_up)
        badges, records = contest.fill(ground, job)

        def keep(name: str, figures: Figures) -> None:
            found = {**results.get(name, {}).get("figures", {}), **figures}
            results[name] = {
                "machine": about,
                "figures": {**found, "job": job.about(), "records": records},
            }
            report.write(results, outcome.LATEST)

        for name, contestant in contestants.items():
            keep(name, _drains(ground, contestant, badges, records, wanted.rounds))
        if LOOP in names:
            figures = per_event_loop.loop(ground)
            keep(LOOP, {**figures, "looped": figures["records"]})
        pace = contest.Pace(per_s=wanted.per_s, seconds=wanted.seconds, settle_s=wanted.settle)
        for name, contestant in contestants.items():
            if pace.seconds:
                keep(name, {"paced": _paced(ground, contestant, pace)})
    outcome.show(results)
    if machine.is_busy(about):
        print("WARNING: the machine was busy: not what a quiet one gives.", file=sys.stderr)
    if wanted.out is not None:
        report.write(results, wanted.out)
    if wanted.write_docs:
        outcome.write_page(results)
        picture.draw(results)


def _drains(
    ground: Ground, contestant: Contestant, badges: set[Badge], records: int, rounds: int
) -> Figures:
    """Each variant, `rounds` times by turns."""
    within_s = LEAST_S + records / SLOWEST_PER_S
    made: list[Figures] = []
    for _ in range(rounds):
        for variant in contestant.drains:
            print(f"{contestant.name}, {variant.name}: {records:,} records ...", flush=True)
            figures: Figures = {"records_per_s": 0}
            try:
                figures |= contest.drain(ground, contestant, variant, badges, within_s=within_s)
            except Failed as error:
                print(f"  {error}", file=sys.stderr)
                figures |= {**variant.about(), "finished": False, "error": str(error)}
            if figures["finished"]:
                figures["records_per_s"] = round(records / figures["took_s"])
            print(f"  {outcome.in_short(figures)}", flush=True)
            made.append(figures)
    return {
        "name": contestant.name,
        "promise": contestant.promise,
        "keeps": contestant.keeps,
        "drains": made,
    }


def _paced(ground: Ground, contestant: Contestant, pace: contest.Pace) -> list[Figures]:
    """Each variant once."""
    made: list[Figures] = []
    for variant in contestant.paced:
        print(f"{contestant.name}, {variant.name}: {pace.per_s:,}/s ...", flush=True)
        try:
            found = contest.paced(ground, contestant, variant, pace)
        except Failed as error:
            print(f"  {error}", file=sys.stderr)
            made.append({**variant.about(), "error": str(error)})
        else:
            print(f"  p50 {found['p50_ms']} p99 {found['p99_ms']} max {found['max_ms']} ms")
            made.append(found)
    return made


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = [*CONTESTANTS, LOOP]
    parser.add_argument(
        "names", nargs="*", metavar="NAME", choices=[*known, []], help=", ".join(known)
    )
    parser.add_argument("--events", type=int, default=300_000, help="distinct ones of the drain")
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1, help="drains of each variant")
    parser.add_argument("--per-s", type=int, default=1_000, help="events a second of the latency")
    parser.add_argument("--seconds", type=int, default=10, help="of the latency; 0: none")
    parser.add_argument("--settle", type=int, default=15, help="seconds before these")
    parser.add_argument("--warm-up", type=int, default=75, help="seconds of work before all")
    parser.add_argument("--out", type=Path, help="write the results there as well")
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="put the results into docs/performance.md; alone: those of the last run",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
