"""Measure the whole system on servers of its own: `python -m bench [NAME ...]`, see --help."""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from bench import machine, pictures, profile, report
from bench.catalogue import BY_NAME, chosen
from bench.ground import Ground
from bench.measurement import Bench, Failed, Measurement, Scale
from bench.warm_up import warm_up
from deploy.devstack.errors import DevstackError
from deploy.devstack.flavour import BENCH
from deploy.devstack.start import start

FLAVOUR: Final = BENCH.with_postgres({"track_commit_timestamp": "on"})
PROFILE: Final = "profile"
PROFILES: Final = 500_000
EVENTS: Final = 500_000
LETTERS: Final = 100_000


def main(arguments: list[str] | None = None) -> int:
    wanted = _parser().parse_args(arguments)
    try:
        if wanted.write_docs and not wanted.names:
            _write_docs(report.read(wanted.out or report.LATEST))
        elif wanted.names[:1] == [PROFILE]:
            _profile(wanted)
        else:
            _measure(wanted)
    except (DevstackError, Failed) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _measure(wanted: argparse.Namespace) -> None:
    """Every result is written when it is there: a run that fails later loses none."""
    scale = Scale(
        events=wanted.events or EVENTS,
        seconds=wanted.seconds,
        letters=wanted.letters,
        profiles=5_000_000 if wanted.full else wanted.profiles,
    )
    results = report.read(report.LATEST)
    made: dict[str, Any] = {}
    with start(flavour=FLAVOUR) as stack, tempfile.TemporaryDirectory() as folder:
        about = machine.describe(stack.addresses)
        _warn_when_busy(about)
        bench = Bench(Ground(stack, Path(folder)), scale)
        if any(measurement.warm for measurement in chosen(wanted.names)):
            warm_up(bench.ground, wanted.warm_up)
        for measurement in chosen(wanted.names):
            _one(measurement, bench)
            made[measurement.name] = {
                "machine": about,
                "figures": bench.found[measurement.name],
            }
            report.write(results | made, report.LATEST)
    if wanted.out is not None:
        report.write(made, wanted.out)
    pictures.draw(made)
    report.show(made)
    _warn_when_busy(about)
    if wanted.write_docs:
        _write_docs(results | made)


def _one(measurement: Measurement, bench: Bench) -> None:
    print(f"{measurement.name}: {measurement.about} ...", flush=True)
    begun = time.monotonic()
    bench.found[measurement.name] = measurement.measure(bench)
    print(f"{measurement.name}: took {time.monotonic() - begun:.0f} s", flush=True)


def _profile(wanted: argparse.Namespace) -> None:
    if wanted.names != [PROFILE, "award"]:
        raise Failed("only this can be profiled: python -m bench profile award")
    with start(flavour=FLAVOUR) as stack, tempfile.TemporaryDirectory() as folder:
        about = machine.describe(stack.addresses)
        _warn_when_busy(about)
        figures = profile.award(
            Ground(stack, Path(folder)), wanted.events, functions=wanted.functions
        )
    print("\n".join(profile.lines(figures)))
    made = {profile.NAME: {"machine": about, "figures": figures}}
    report.write(report.read(report.LATEST) | made, report.LATEST)
    if wanted.out is not None:
        report.write(made, wanted.out)


def _write_docs(results: report.Results) -> None:
    if not results:
        raise Failed("there are no results yet: python -m bench")
    report.write_page(results)
    pictures.draw(results)


def _warn_when_busy(about: dict[str, Any]) -> None:
    if machine.is_busy(about):
        print(
            f"WARNING: other programs used {about['cores_in_use_before']} of {about['cores']} cores"
            " before we began: these figures are not what a quiet machine gives.",
            file=sys.stderr,
        )


def _parser() -> argparse.ArgumentParser:
    known = "".join(f"  {name:<16}{each.about}\n" for name, each in BY_NAME.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=f"measurements (all when none is named):\n{known}"
        "  profile award   where the award worker's time goes; alone",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--events", type=int, help="of the drain, 500,000; or of the profile")
    parser.add_argument("--seconds", type=int, default=15, help="at each rate of the latency")
    parser.add_argument("--warm-up", type=int, default=75, help="seconds of work before all")
    parser.add_argument("--letters", type=int, default=LETTERS, help="parked, of letters")
    parser.add_argument("--profiles", type=int, default=PROFILES, help="of profiles_cost")
    parser.add_argument("--full", action="store_true", help="profiles_cost with 5,000,000")
    parser.add_argument("--functions", action="store_true", help="profile single functions, too")
    parser.add_argument("--out", type=Path, help="write the results there as well")
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="put the results into docs/performance.md; alone: those of the last run",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
