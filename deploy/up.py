"""The whole system, left running: `python -m deploy.up start|stop` behind make up and make down."""

import shlex
import sys
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Final

from deploy.caller import MERCHANT
from deploy.devstack import background, record, settings
from deploy.devstack.database import create_database
from deploy.devstack.errors import DevstackError
from deploy.devstack.ports import Ports
from deploy.devstack.settings import Backend
from deploy.launch import KINDS, Application
from deploy.neighbours.process import NeighboursProcess
from deploy.neighbours.tokens import mint
from gamification.domain.identity import Scope

NOTE: Final = "processes.json"
LOGS: Final = "logs"
STAND_INS: Final = ("AUTH_HOST", "USERS_HOST")
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
    neighbours: NeighboursProcess | None = None
    ports = Ports()
    own = {"GAMIFICATION_GRPC_PORT": str(ports.take())}
    try:
        if chosen.backend is not Backend.EXTERNAL:
            addresses = replace(
                addresses, postgres_dsn=create_database(addresses.postgres_dsn, DATABASE)
            )
            # Never with servers that are not ours: the key of their tokens is known to everybody.
            (home / LOGS).mkdir(parents=True, exist_ok=True)
            neighbours = NeighboursProcess(home / LOGS / "neighbours.log", outlives_us=True)
            neighbours.start()
            own |= neighbours.environment
        application = Application(addresses, home / LOGS, own, outlives_us=True)
        application.prepare()
        application.start(*KINDS, "service")
        facts = {**addresses.as_environment(), **own, **_places(application, home)}
        processes = [*application.workers, *([neighbours] if neighbours else [])]
        record.save(home / NOTE, map(record.Entry.of, processes), facts)
    except BaseException:
        if application is not None:
            application.close()
        if neighbours is not None:
            neighbours.close()
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


def _places(application: Application, home: Path) -> dict[str, str]:
    urls = {worker.name: worker.url for worker in application.workers}
    return {**urls, "logs": str(home / LOGS)}


def show(facts: dict[str, str]) -> None:
    """Tell a person where everything is and what to try."""
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
    _show_calls(facts)
    print("To end all of it:")
    print("  make down")


def _show_calls(facts: dict[str, str]) -> None:
    """How to call the service, ready to paste after the exports."""
    address = f"127.0.0.1:{facts['GAMIFICATION_GRPC_PORT']}"
    print(f"Call the service (gRPC on {address}):")
    if not all(name in facts for name in STAND_INS):
        print("  it asks your AUTH_HOST and USERS_HOST: docs/service.md")
        return
    print("  The auth and users services that it asks are stand-ins (deploy/neighbours): they take")
    print("  tokens signed with a public key, and know every customer. This token is for merchant")
    print(f"  {MERCHANT}, for an hour; for another one:")
    print(f"  {sys.executable} -m deploy.neighbours token --help")
    token = mint(MERCHANT, [Scope.AWARD, Scope.EDIT], sub="somebody")
    print(f"  export TOKEN={token}")
    for command in (
        f"cli.merchants put --merchant-id {MERCHANT} --yes",
        "deploy.caller award --locale ar",
    ):
        print(f"  {sys.executable} -m {command}")
    print(f"  {sys.executable} -m deploy.caller purge")
    request = f'{{"merchant_id": "{MERCHANT}", "customer_id": "{uuid.uuid4()}", "badge": "host"}}'
    print('  grpcurl -plaintext -H "authorization: Bearer $TOKEN" \\')
    print(f"    -d {shlex.quote(request)} \\")
    print(f"    {address} gamification.v1.GamificationService/AwardBadge")


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["start"]:
                show(start())
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
