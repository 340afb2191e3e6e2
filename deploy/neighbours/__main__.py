"""Small auth and users services, and tokens for them: `python -m deploy.neighbours run|token`.

`run` prints their addresses as NAME=VALUE, ready for `export`, and serves until Ctrl-C. Lines on
its standard input change how they answer: `auth slow 2.5`, `auth fail UNAVAILABLE`,
`users lie nobody`, `auth well`. The tokens are signed with a public key: nothing here is a secret,
and nothing here protects anything.
"""

import argparse
import asyncio
import signal
import sys
import threading
import uuid
from pathlib import Path
from typing import Final

import grpc
from grpc import StatusCode

from deploy.devstack.errors import DevstackError
from deploy.devstack.ports import Ports
from deploy.neighbours.auth import Auth
from deploy.neighbours.behaviour import Behaviour, Lie
from deploy.neighbours.running import serve
from deploy.neighbours.tokens import LIFE_S, mint
from deploy.neighbours.users import Users
from gamification.domain.identity import Scope

EXIT_FAILED: Final = 1
STDIN: Final = 0


def main(arguments: list[str] | None = None) -> int:
    wanted = _parser().parse_args(arguments)
    if wanted.do == "token":
        print(mint(str(wanted.merchant_id), wanted.scope or [Scope.AWARD], life_s=wanted.life_s))
        return 0
    try:
        asyncio.run(_run(wanted))
    except DevstackError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    return 0


async def _run(wanted: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    auth, users = Auth(), Users(wanted.customer, knows_everybody=not wanted.customer)
    ports = Ports()
    servers = []
    try:
        for variable, neighbour, port in (
            ("AUTH_HOST", auth, wanted.auth_port),
            ("USERS_HOST", users, wanted.users_port),
        ):
            address = f"127.0.0.1:{port or ports.take()}"
            servers.append(await serve(neighbour, address, _credentials(wanted.certificates)))
            print(f"{variable}={address}", flush=True)
        behaviours = {"auth": auth.behaviour, "users": users.behaviour}
        threading.Thread(target=_listen, args=(behaviours,), daemon=True).start()
        await over.wait()
    finally:
        for server in servers:
            await server.stop(None)
        ports.release()


def _credentials(folder: Path | None) -> grpc.ServerCredentials | None:
    """Only callers with a certificate of the folder's CA get in; without a folder, everybody."""
    if folder is None:
        return None
    ca, key, own = ((folder / name).read_bytes() for name in ("ca.crt", "server.key", "server.crt"))
    return grpc.ssl_server_credentials([(key, own)], ca, require_client_auth=True)


def _listen(behaviours: dict[str, Behaviour]) -> None:
    try:
        # Unbuffered: an interpreter that ends must not wait for a thread's lock on sys.stdin.
        lines = open(STDIN, "rb", buffering=0, closefd=False)  # noqa: SIM115
    except OSError:
        return  # started without one
    for line in lines:
        try:
            tell(behaviours, line.decode())
        except (KeyError, ValueError):
            print("say: auth|users well | slow SECONDS | fail STATUS | lie KIND", file=sys.stderr)


def tell(behaviours: dict[str, Behaviour], line: str) -> None:
    """Do what one line says. Raises KeyError or ValueError when it says nothing that we know."""
    who, how, *what = line.split()
    behaviour = behaviours[who]
    match how, *what:
        case ["well"]:
            behaviour.be_well()
        case ["slow", seconds]:
            behaviour.delay_s = float(seconds)
        case ["fail", status]:
            behaviour.status = StatusCode[status]
        case ["lie", lie]:
            behaviour.lie = Lie(lie)
        case _:
            raise ValueError(how)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.neighbours",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    each = parser.add_subparsers(dest="do", required=True)
    run = each.add_parser("run", help="serve until Ctrl-C")
    run.add_argument("--auth-port", type=int, default=0, help="a free one unless told")
    run.add_argument("--users-port", type=int, default=0, help="a free one unless told")
    run.add_argument(
        "--customer",
        metavar="MERCHANT/CUSTOMER",
        type=_pair,
        action="append",
        default=[],
        help="two UUIDs, may be repeated; everybody is known unless told",
    )
    run.add_argument("--certificates", type=Path, help="of deploy.certificates; in clear without")
    token = each.add_parser("token", help="print a token")
    token.add_argument("--merchant-id", type=uuid.UUID, required=True)
    token.add_argument("--scope", action="append", help=f"may be repeated; {Scope.AWARD}")
    token.add_argument("--life-s", type=float, default=LIFE_S, help=f"seconds; {LIFE_S}")
    return parser


def _pair(text: str) -> tuple[str, str]:
    merchant, _, customer = text.partition("/")
    try:
        return str(uuid.UUID(merchant)), str(uuid.UUID(customer))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not MERCHANT/CUSTOMER") from error


if __name__ == "__main__":
    sys.exit(main())
