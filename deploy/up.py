"""The whole system, left running: `python -m deploy.up start|stop` behind make up and make down."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from deploy.devstack import background, record, settings
from deploy.devstack.database import create_database
from deploy.devstack.errors import DevstackError
from deploy.devstack.server import Addresses
from deploy.devstack.settings import Backend
from deploy.launch import Application

NOTE: Final = "processes.json"
LOGS: Final = "logs"
DATABASE: Final = "gamification"

EXIT_USAGE: Final = 2


def start(home: Path = background.HOME) -> dict[str, str]:
    """Start servers and processes; return what to tell about them. Raises DevstackError."""
    chosen = settings.read()
    note = record.load(home / NOTE)
    if note is not None and background.running(home) is not None:
        return note[1]
    stop(home)
    addresses = background.up(chosen, home=home)
    application: Application | None = None
    try:
        if chosen.backend is not Backend.EXTERNAL:
            addresses = replace(
                addresses, postgres_dsn=create_database(addresses.postgres_dsn, DATABASE)
            )
        application = Application(addresses, home / LOGS, outlives_us=True)
        application.prepare()
        application.start()
        facts = _facts(addresses, application, home)
        record.save(home / NOTE, map(record.Entry.of, application.workers), facts)
    except BaseException:
        if application is not None:
            application.close()
        background.down(home)
        raise
    return facts


def stop(home: Path = background.HOME) -> bool:
    """End what `start` left running, processes before servers; False when there was nothing."""
    note = record.load(home / NOTE)
    if note is not None:
        record.end(note[0])
        (home / NOTE).unlink()
    return background.down(home) or note is not None


def _facts(addresses: Addresses, application: Application, home: Path) -> dict[str, str]:
    urls = {worker.name: worker.url for worker in application.workers}
    return {**addresses.as_environment(), **urls, "logs": str(home / LOGS)}


def _show(facts: dict[str, str]) -> None:
    names = [name for name in facts if name.isupper()]
    others = [name for name in facts if not name.isupper()]
    print("Servers, ready to paste into a shell:")
    for name in names:
        print(f"  export {name}={shlex.quote(facts[name])}")
    print("Processes, each with /health, /ready and /metrics:")
    for name in others:
        print(f"  {name:<8} {facts[name]}")
    print("Try next:")
    print(f"  curl {facts['award']}/ready")
    print(f"  psql {shlex.quote(facts['GAMIFICATION_POSTGRES_DSN'])}")
    print(f"  {sys.executable} -m cli.rules history")
    print("  make down")


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["start"]:
                _show(start())
            case ["stop"]:
                print("stopped" if stop() else "nothing was running")
            case _:
                print("usage: python -m deploy.up start|stop", file=sys.stderr)
                return EXIT_USAGE
    except DevstackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
