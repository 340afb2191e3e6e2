"""A seeded random run of faults: `python -m tests.chaos --seed 7 --minutes 10`."""

import argparse
import random
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from deploy.devstack.errors import DevstackError
from deploy.devstack.process import Process
from deploy.devstack.start import start_private
from tests.chaos.catalogue import BY_NAME, FAULTS
from tests.chaos.plan import plan
from tests.chaos.round import Arena, Size, play
from tests.chaos.tally import RoundResult, Tally
from tests.faults.ground import Ground
from tests.shim import Shim

HOME: Final = Path(__file__).parents[2] / "build" / "chaos"
SEEDS: Final = 1_000_000
EXIT_FOUND: Final = 1
EXIT_UNAVAILABLE: Final = 3
INTERRUPTED: Final = 130


def run(wanted: argparse.Namespace) -> int:
    """Rounds until the time is over, until one fails, or until somebody stops it: then a report.

    Raises DevstackError.
    """
    folder = HOME / f"seed-{wanted.seed}"
    tally = Tally(wanted.seed, [each.name for each in FAULTS])
    try:
        _play_rounds(wanted, folder, tally)
    except KeyboardInterrupt:
        say("stopped; the round under way does not count")
        del tally.rounds[-1:]
    if not tally.rounds:
        return INTERRUPTED
    report = HOME / f"seed-{wanted.seed}.json"
    tally.write(report)
    for line in tally.lines():
        say(line)
    say(f"as JSON: {report}")
    if tally.ok:
        return 0
    _tell_failure(wanted, tally.rounds[-1], folder)
    return EXIT_FOUND


def _play_rounds(wanted: argparse.Namespace, folder: Path, tally: Tally) -> None:
    began = time.monotonic()
    size = Size(load_s=wanted.round_s, per_s=wanted.per_s)
    only = [BY_NAME[name] for name in wanted.only]
    say(f"seed {wanted.seed}: {wanted.minutes:g} minutes, {size.per_s} events a second")
    say("starting Kafka, a schema registry, Postgres and Redis")
    with ExitStack() as stack:
        arena = make_arena(stack, wanted.seed, folder, tally, size)
        number = wanted.round or 1
        while True:
            steps = plan(wanted.seed, number, size.load_s, only)
            say(f"round {number}: {', '.join(each.fault.name for each in steps)}")
            result = play(arena, number, steps)
            say(f"round {number}: {'holds' if result.ok else 'FAILED'} after {result.took_s:.0f} s")
            over = time.monotonic() - began + result.took_s / 2 > wanted.minutes * 60
            if not result.ok or wanted.round or over:
                return
            number += 1


def make_arena(stack: ExitStack, seed: int, folder: Path, tally: Tally, size: Size) -> Arena:
    servers = stack.enter_context(start_private())
    shim = disk = None
    if Shim.can_be_built() and servers.folder is not None:
        shim = Shim(servers.folder / "shim")
        if isinstance(servers.postgres, Process):
            disk = shim.disk(servers.postgres)
            servers.postgres.restart()
    else:
        say("no C compiler, or servers in containers: no clock jumps and no disk gets full")
    ground = Ground(servers, folder / "prepared")
    return Arena(
        seed=seed, ground=ground, shim=shim, disk=disk, folder=folder, tally=tally, size=size
    )


def _tell_failure(wanted: argparse.Namespace, result: RoundResult, folder: Path) -> None:
    say(f"\nFAILED: seed {wanted.seed}, round {result.number}")
    for problem in result.problems:
        say(problem)
    kept = folder / f"round-{result.number}"
    say(f"journal, logs of processes and of servers: {kept}")
    size = f" ROUND_S={wanted.round_s:g} PER_S={wanted.per_s}"
    if wanted.only:
        size += f' ONLY="{" ".join(wanted.only)}"'
    say(f"again: make chaos SEED={wanted.seed} ROUND={result.number}{size}")


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is a command


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(SEEDS), help="chance's own")
    parser.add_argument("--minutes", type=float, default=10.0, help="about so long; 10")
    parser.add_argument("--round", type=int, default=0, help="only this one, as it was")
    parser.add_argument("--round-s", type=float, default=75.0, help="load of a round; 75")
    parser.add_argument("--per-s", type=int, default=150, help="events a second; 150")
    parser.add_argument(
        "--only", nargs="*", default=[], choices=sorted(BY_NAME), help="these faults, not all"
    )
    return parser


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main(arguments: Sequence[str]) -> int:
    wanted = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    try:
        return run(wanted)
    except DevstackError as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is a command
        return EXIT_UNAVAILABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
