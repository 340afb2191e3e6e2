"""The service with everything that it needs: neighbours, merchants, customers who are known."""

import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.points import CUSTOMER_SQL, MERCHANT_SQL
from bench.run import Run
from deploy import certificates
from deploy.devstack.ports import Ports
from deploy.devstack.process import Command, Process
from deploy.launch import ROOT, Worker

HOST: Final = "127.0.0.1"
ASK_WITHIN_S: Final = 1.0

MERCHANTS: Final = f"""
    INSERT INTO merchants (merchant_id) SELECT {MERCHANT_SQL} FROM generate_series(0, %s) AS m
"""  # noqa: S608 - no value of anybody's
CUSTOMERS: Final = f"""
    INSERT INTO profiles (merchant_id, customer_id)
    SELECT {MERCHANT_SQL}, {CUSTOMER_SQL}
      FROM (SELECT n, n %% %s AS m FROM generate_series(0, %s) AS n) AS known
     ORDER BY 1, 2
"""  # noqa: S608


class Serving(NamedTuple):
    """`address` answers gRPC."""

    service: Worker
    neighbours: Process
    address: str


def fill(run: Run, merchants: int, customers: int) -> None:
    """Merchants, and customers of theirs who are known and have nothing yet."""
    run.database.execute(MERCHANTS.encode(), (merchants - 1,))
    run.database.execute(CUSTOMERS.encode(), (merchants, customers - 1))
    run.database.execute("VACUUM ANALYZE profiles")
    run.database.execute("CHECKPOINT")


@contextmanager
def serving(
    run: Run, settings: Mapping[str, str], certificates_of: Path | None = None
) -> Iterator[Serving]:
    """Both ready. With a folder of certificates, everybody wants to see everybody's."""
    ports = Ports()
    auth, users, grpc = (ports.take() for _ in range(3))
    neighbours = _neighbours(run, auth, users, certificates_of)
    told = {
        "AUTH_HOST": f"{HOST}:{auth}",
        "USERS_HOST": f"{HOST}:{users}",
        "GAMIFICATION_GRPC_HOST": HOST,
        "GAMIFICATION_GRPC_PORT": str(grpc),
        **({} if certificates_of is None else _tls(certificates_of)),
        **settings,
    }
    try:
        neighbours.start()
        service = run.launch("service", told)
        service.wait_ready()
        yield Serving(service, neighbours, f"{HOST}:{grpc}")
        service.stop()
    finally:
        neighbours.stop()
        ports.release()


def issue(folder: Path) -> Path:
    """Certificates for all: a CA's, the server's, the caller's, the service's own as a caller."""
    ca = certificates.authority()
    certificates.write(folder, "ca", ca)
    for name in ("server", "client", "service"):
        certificates.write(folder, name, certificates.issue(ca, name))
    return folder


def _tls(folder: Path) -> dict[str, str]:
    files = {"CERTIFICATE": "server.crt", "KEY": "server.key", "CA": "ca.crt"}
    return {f"GAMIFICATION_TLS_{what}": str(folder / name) for what, name in files.items()}


def _neighbours(run: Run, auth: int, users: int, folder: Path | None) -> Process:
    options = () if folder is None else ("--certificates", str(folder))
    ports = ("--auth-port", str(auth), "--users-port", str(users))
    command = Command(
        argv=(sys.executable, "-m", "deploy.neighbours", "run", *ports, *options),
        cwd=ROOT,
        log=run.ground.folder / "neighbours.log",
    )
    return Process("neighbours", command, lambda: _listens(auth) and _listens(users))


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        asking.settimeout(ASK_WITHIN_S)
        return asking.connect_ex((HOST, port)) == 0
