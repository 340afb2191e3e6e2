"""Starts and stops the development servers: `python -m deploy.devstack up|down|run`.

`run` keeps them until Ctrl-C, `up` leaves them running, `down` ends those. They print their
addresses as lines of NAME=VALUE, ready for `export`.
"""

import argparse
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Final

from deploy.devstack import background, settings
from deploy.devstack.errors import DevstackError
from deploy.devstack.flavour import BY_NAME, Flavour
from deploy.devstack.server import Addresses
from deploy.devstack.start import start

EXIT_FAILED: Final = 1


def main(arguments: list[str] | None = None) -> int:
    wanted = _parser().parse_args(arguments)
    try:
        chosen = settings.read()
        if wanted.keep:
            chosen = replace(chosen, keep=True)
        flavour = BY_NAME[wanted.flavour].with_postgres(dict(wanted.postgres))
        if wanted.do == "run":
            _run(chosen, flavour)
        elif wanted.do == "up":
            _print(background.up(chosen, flavour, wanted.home))
        elif not background.down(wanted.home, keep=chosen.keep):
            print("nothing was running", file=sys.stderr)
    except DevstackError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    return 0


def _run(chosen: settings.Settings, flavour: Flavour) -> None:
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with start(chosen, flavour) as stack:
        _print(stack.addresses)
        over.wait()


def _print(addresses: Addresses) -> None:
    for name, value in addresses.as_environment().items():
        print(f"{name}={value}", flush=True)


def _parser() -> argparse.ArgumentParser:
    variables = "".join(f"  {name}\n      {text}\n" for name, text in settings.NAMES.items())
    parser = argparse.ArgumentParser(
        prog="python -m deploy.devstack",
        description=__doc__,
        epilog=f"environment:\n{variables}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("do", choices=("up", "down", "run"))
    parser.add_argument("--flavour", choices=tuple(BY_NAME), default="bench")
    parser.add_argument(
        "--postgres",
        metavar="NAME=VALUE",
        type=_setting,
        action="append",
        default=[],
        help="a Postgres setting, may be repeated",
    )
    parser.add_argument("--keep", action="store_true", help="leave the data behind")
    parser.add_argument(
        "--home",
        metavar="FOLDER",
        type=Path,
        default=background.HOME,
        help="where `up` notes what it started, for `down`",
    )
    return parser


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
