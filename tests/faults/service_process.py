"""One service process on servers of its own, with its neighbours and a caller."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from deploy.devstack.database import create_database, drop_database
from deploy.devstack.ports import Ports
from deploy.devstack.server import Addresses
from deploy.devstack.stack import Stack
from deploy.launch import Application, Worker
from deploy.neighbours.auth import Auth
from deploy.neighbours.running import Running
from deploy.neighbours.tokens import mint
from deploy.neighbours.users import Users
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from tests.services_world import AWARD, SHOP, Caller, new_customer, prepare


class World:
    """The process, and a good caller of it."""

    def __init__(self, worker: Worker, address: str, stack: Stack, dsn: str) -> None:
        self.worker = worker
        self.address = address
        self.caller = Caller(address)
        self.stack = stack
        self.dsn = dsn
        self.token = mint(SHOP, AWARD)

    def award(self, customer: str, within_s: float = 20.0) -> pb.AwardBadgeResponse:
        return self.caller.award(customer, token=self.token, within_s=within_s)

    def answers(self) -> bool:
        """Whether a call succeeds again."""
        try:
            return self.award(new_customer()).status == pb.AWARD_STATUS_AWARDED
        except grpc.RpcError:
            return False

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.worker.pid}/fd"))  # noqa: PTH208 - hundreds of times

    def memory_mib(self) -> float:
        """What the process holds now."""
        status = Path(f"/proc/{self.worker.pid}/status").read_text()
        [line] = [each for each in status.splitlines() if each.startswith("VmRSS:")]
        return int(line.split()[1]) / 1024


@contextmanager
def service_process(own_stack: Stack, logs: Path, **environment: str) -> Iterator[World]:
    """A ready one. All servers run again afterwards."""
    for server in own_stack.servers:
        server.start()
    addresses: Addresses = own_stack.addresses
    name = f"test_{os.urandom(8).hex()}"
    dsn = create_database(addresses.postgres_dsn, name)
    ports = Ports()
    port = ports.take()
    with Running(Auth()) as auth, Running(Users(knows_everybody=True)) as users:
        settings = {
            "GAMIFICATION_POSTGRES_DSN": dsn,
            "GAMIFICATION_GRPC_PORT": str(port),
            "GAMIFICATION_LOG_FORMAT": "json",
            "AUTH_HOST": auth.address,
            "USERS_HOST": users.address,
            **environment,
        }
        with Application(addresses, logs, settings) as application:
            application.prepare()
            prepare(dsn)
            [worker] = application.start("service")
            world = World(worker, f"127.0.0.1:{port}", own_stack, dsn)
            yield world
            world.caller.channel.close()
    ports.release()
    for server in own_stack.servers:
        server.start()
    drop_database(addresses.postgres_dsn, name)
