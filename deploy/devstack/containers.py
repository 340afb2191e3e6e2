"""The servers as containers that are removed when this process ends, however it ends."""

import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any, Final

from testcontainers.core.container import DockerContainer

from deploy.devstack import compose
from deploy.devstack.errors import NotReady
from deploy.devstack.flavour import Flavour
from deploy.devstack.kafka import takes_requests
from deploy.devstack.ports import Ports
from deploy.devstack.postgres import dsn, takes_sessions
from deploy.devstack.process import READY_EVERY_S, STOP_WITHIN_S
from deploy.devstack.redis import pongs
from deploy.devstack.registry import answers_backward, api
from deploy.devstack.server import Addresses
from deploy.devstack.stack import Stack

ASK_WITHIN_S: Final = 5
READY_WITHIN_S: Final = 120.0
LOG_LINES: Final = 30
KILLED: Final = 137
"""The exit code of a container that did not end when it was asked to."""


class Container:
    """One server in its container, on the same port of 127.0.0.1 for all its life."""

    def __init__(self, name: str, container: DockerContainer, is_ready: Callable[[], bool]) -> None:
        self.name = name
        self._container = container
        self._is_ready = is_ready
        self._created = False

    def launch(self) -> None:
        """Begin it and return at once; nothing when it runs already."""
        if self._created:
            self._docker.start()
        else:
            self._container.start()
            self._created = True

    def wait_ready(self) -> None:
        """Return when it answers. Raises NotReady when it ended or the time is over."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._is_ready():
            self._docker.reload()
            if self._docker.status in ("exited", "dead") or time.monotonic() > deadline:
                last = self._docker.logs(tail=LOG_LINES).decode(errors="replace")
                raise NotReady(f"{self.name} is {self._docker.status}; the end of its log:\n{last}")
            time.sleep(READY_EVERY_S)

    def start(self) -> None:
        self.launch()
        self.wait_ready()

    def stop(self) -> bool:
        self._docker.stop(timeout=int(STOP_WITHIN_S))
        self._docker.reload()
        return bool(self._docker.attrs["State"]["ExitCode"] != KILLED)

    def kill(self) -> None:
        self._docker.kill()
        self._docker.wait(timeout=STOP_WITHIN_S)

    def pause(self) -> None:
        self._docker.pause()

    def resume(self) -> None:
        self._docker.unpause()

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        self._container.stop()

    @property
    def _docker(self) -> Any:
        return self._container.get_wrapped_container()


def answers() -> bool:
    """True when a Docker daemon can be used."""
    program = shutil.which("docker")
    if program is None:
        return False
    try:
        asked = (program, "version", "--format", "{{.Server.Version}}")
        done = subprocess.run(asked, capture_output=True, check=False, timeout=ASK_WITHIN_S)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def start(flavour: Flavour) -> Stack:
    """Start all four. Raises NotReady; then none is left."""
    ports = Ports()
    at = {name: ports.take() for name in compose.NAMES}
    made: list[Container] = []

    def release() -> None:
        for container in made:
            container.remove()
        ports.release()

    def begun(name: str) -> Container:
        container = Container(name, described(name, at, flavour), ready(name, at[name]))
        made.append(container)
        container.launch()
        return container

    try:
        stack = Stack(
            registry=begun("registry"),
            kafka=begun("kafka"),
            postgres=begun("postgres"),
            redis=begun("redis"),
            addresses=addresses(at),
            release=release,
        )
        for container in made:
            container.wait_ready()
    except BaseException:
        release()
        raise
    return stack


def described(name: str, at: dict[str, int], flavour: Flavour) -> DockerContainer:
    """A service of the Compose file on its port, as big as `flavour` says; not started."""
    image = compose.images(at)[name]
    container = DockerContainer(image.name).with_envs(**image.environment)
    command = image.command
    if name == "kafka":
        heap = " ".join(option for option in flavour.kafka_jvm if option.startswith("-Xm"))
        container.with_envs(KAFKA_HEAP_OPTS=heap, **compose.kafka_variables(flavour.kafka))
    if name == "postgres":
        settings = (f"{setting}={value}" for setting, value in flavour.postgres.items())
        command = ("postgres", *(part for setting in settings for part in ("-c", setting)))
    if command:
        container.with_command(list(command))
    published: dict[str, Any] = container.ports
    published[f"{image.port}/tcp"] = ("127.0.0.1", at[name])
    return container


def ready(name: str, port: int) -> Callable[[], bool]:
    """The check that tells whether this server answers on this port of 127.0.0.1."""
    checks: dict[str, Callable[[], bool]] = {
        "kafka": lambda: takes_requests(port),
        "registry": lambda: answers_backward(api(port)),
        "postgres": lambda: takes_sessions(port),
        "redis": lambda: pongs(port),
    }
    return checks[name]


def addresses(at: dict[str, int]) -> Addresses:
    """Where containers on these ports are reached."""
    return Addresses(
        kafka_bootstrap=f"127.0.0.1:{at['kafka']}",
        registry_url=api(at["registry"]),
        postgres_dsn=dsn(at["postgres"]),
        redis_host="127.0.0.1",
        redis_port=at["redis"],
    )
