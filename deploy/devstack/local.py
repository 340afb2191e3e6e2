"""The servers as processes of this machine: no Docker needed."""

import sys
from collections.abc import Callable

from deploy.devstack.artefacts import java_programs
from deploy.devstack.errors import DevstackError
from deploy.devstack.flavour import Flavour
from deploy.devstack.kafka import kafka
from deploy.devstack.ports import Ports
from deploy.devstack.postgres import dsn, find_programs, postgres
from deploy.devstack.process import Process
from deploy.devstack.redis import find_program, redis
from deploy.devstack.registry import api, registry
from deploy.devstack.server import Addresses
from deploy.devstack.settings import Settings
from deploy.devstack.site import Site, make_folder, own, remove, remove_abandoned
from deploy.devstack.stack import Stack


class Launched:
    """Processes begun one after the other, each getting ready while the next one begins."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.processes: list[Process] = []

    def add(self, make: Callable[[Site, int], Process], port: int) -> Process:
        process = make(self._site, port)
        self.processes.append(process)
        process.launch()
        return process

    def wait_ready(self) -> None:
        for process in self.processes:
            process.wait_ready()

    def release(self) -> None:
        """Ask all to end before waiting for any."""
        for process in self.processes:
            process.ask_to_stop()
        for process in self.processes:
            process.stop()
        self._site.ports.release()
        remove(self._site.folder, keep=self._site.settings.keep)


def start(settings: Settings, flavour: Flavour, *, outlives_us: bool = False) -> Stack:
    """Start all four.

    Raises Missing before anything is started, NotReady when a server fails; then none is left.
    """
    if not sys.platform.startswith("linux"):
        raise DevstackError(f"local servers need Linux, not {sys.platform}: start Docker instead")
    programs = java_programs(settings.cache)
    find_programs(settings.postgres)
    find_program(settings.redis)
    remove_abandoned()
    site = Site(make_folder(), settings, flavour, programs, Ports(), outlives_us)
    launched = Launched(site)
    try:
        return _start(site, launched)
    except BaseException:
        launched.release()
        raise


def processes(stack: Stack) -> tuple[Process, ...]:
    """The processes of a stack that `start` made."""
    return tuple(server for server in stack.servers if isinstance(server, Process))


def _start(site: Site, launched: Launched) -> Stack:
    ports = [site.ports.take() for _ in range(4)]
    at_registry, at_kafka, at_postgres, at_redis = ports
    stack = Stack(
        # The slowest first.
        registry=launched.add(registry, at_registry),
        kafka=launched.add(kafka, at_kafka),
        postgres=launched.add(postgres, at_postgres),
        redis=launched.add(redis, at_redis),
        addresses=Addresses(
            kafka_bootstrap=f"127.0.0.1:{at_kafka}",
            registry_url=api(at_registry),
            postgres_dsn=dsn(at_postgres),
            redis_host="127.0.0.1",
            redis_port=at_redis,
        ),
        folder=site.folder,
        release=launched.release,
    )
    launched.wait_ready()
    if site.outlives_us:
        own(site.folder, [process.pid for process in launched.processes])
    return stack
