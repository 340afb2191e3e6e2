"""Redis servers of one test: to fill, freeze, kill and empty. Data lives in memory only."""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from deploy.devstack.ports import Ports
from deploy.devstack.process import Command, Process
from deploy.devstack.redis import find_program, pongs
from deploy.devstack.settings import Source
from gamification.adapters.redis.connection import Address
from tests.waiting import eventually

SLOTS = 16_384


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[tuple[Address, Process]]:
    """One server with an empty memory at each start."""
    with ExitStack() as stack:
        ports = Ports()
        stack.callback(ports.release)
        port = ports.take()
        process = _process(folder, port, options)
        stack.callback(process.kill)
        process.start()
        yield Address("127.0.0.1", port), process


@contextmanager
def redis_cluster(folder: Path, nodes: int = 3) -> Iterator[tuple[Address, list[Process]]]:
    """Masters without replicas, each with an equal share of the slots."""
    with ExitStack() as stack:
        held = Ports()
        stack.callback(held.release)
        ports = [held.take() for _ in range(nodes)]
        processes = []
        for port in ports:
            bus = ("--cluster-enabled", "yes", "--cluster-port", str(held.take()))
            quick = ("--cluster-node-timeout", "2000")
            processes.append(_process(folder / str(port), port, (*bus, *quick)))
            stack.callback(processes[-1].kill)
            processes[-1].start()
        _join(ports)
        yield Address("127.0.0.1", ports[0], cluster=True), processes


def _process(folder: Path, port: int, options: tuple[str, ...]) -> Process:
    folder.mkdir(parents=True, exist_ok=True)
    where = ("--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder))
    memory_only = ("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")
    argv = (find_program(Source.AUTO), *where, *memory_only, *options)
    return Process("redis", Command(argv, folder, folder / "log"), lambda: pongs(port))


def _join(ports: list[int]) -> None:
    first, *others = ports
    share = -(-SLOTS // len(ports))
    for place, port in enumerate(ports):
        last = min(share * (place + 1), SLOTS) - 1
        _ask(port, "CLUSTER", "SET-CONFIG-EPOCH", str(place + 1))
        _ask(port, "CLUSTER", "ADDSLOTSRANGE", str(share * place), str(last))
    for port in others:
        bus = re.search(r"@(\d+)", _ask(port, "CLUSTER", "NODES"))
        assert bus is not None
        _ask(first, "CLUSTER", "MEET", "127.0.0.1", str(port), bus[1])
    for port in ports:
        eventually(partial(_is_whole, port), within_s=20)


def _is_whole(port: int) -> bool:
    return "cluster_state:ok" in _ask(port, "CLUSTER", "INFO")


def _ask(port: int, *words: str) -> str:
    said = b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)
    with socket.create_connection(("127.0.0.1", port), 2) as connection:
        connection.sendall(b"*%d\r\n" % len(words) + said)
        return connection.recv(65_536).decode()
