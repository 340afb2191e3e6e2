"""What deploy/compose.yaml says about the containers, and the command that runs all of it."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from deploy.devstack.errors import DevstackError, Missing

FILE: Final = Path(__file__).parents[1] / "compose.yaml"
NAMES: Final = ("kafka", "registry", "postgres", "redis")

# Two clones of the repository do not end each other's containers.
PROJECT: Final = f"gamification-{hashlib.sha256(str(FILE).encode()).hexdigest()[:8]}"

UP_WITHIN_S: Final = 900
"""Includes the download of the images."""

INSTALL: Final = "sudo apt-get install -y docker-compose-plugin"

_VARIABLE: Final = re.compile(r"\$\{(\w+):-([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Image:
    """One service: `port` is the container's; `command` is empty for the image's own."""

    name: str
    port: int
    environment: dict[str, str]
    command: tuple[str, ...]


def images(host_ports: Mapping[str, int]) -> dict[str, Image]:
    """The services by name, for these ports of the host."""
    text = FILE.read_text()
    values = variables(host_ports)
    filled = _VARIABLE.sub(lambda found: values.get(found[1], found[2]), text)
    services: dict[str, Any] = YAML(typ="safe").load(filled)["services"]
    return {
        name: Image(
            name=service["image"],
            port=int(service["ports"][0].rpartition(":")[2]),
            environment=dict(service.get("environment", {})),
            command=tuple(service.get("command", ())),
        )
        for name, service in services.items()
    }


def variables(host_ports: Mapping[str, int]) -> dict[str, str]:
    """The file's variables, as `docker compose` takes them from the environment."""
    return {f"{name.upper()}_PORT": str(port) for name, port in host_ports.items()}


def kafka_variables(settings: Mapping[str, str]) -> dict[str, str]:
    """The broker's settings under the names that its image reads."""
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()}


def up(host_ports: Mapping[str, int]) -> None:
    """Create and start the containers; they may not answer yet. Raises DevstackError."""
    _compose(variables(host_ports), "up", "--detach")


def down(*, keep: bool) -> None:
    """Stop and remove the containers; with `keep` only stop them. Raises DevstackError."""
    _compose({}, *(("stop",) if keep else ("down", "--volumes")))


def _compose(environment: Mapping[str, str], *arguments: str) -> None:
    docker = shutil.which("docker")
    if docker is None or not _has_plugin(docker):
        raise Missing(f"docker compose is not installed: {INSTALL}")
    done = subprocess.run(
        (docker, "compose", "--project-name", PROJECT, "--file", str(FILE), *arguments),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=UP_WITHIN_S,
    )
    if done.returncode != 0:
        raise DevstackError(f"docker compose {arguments[0]} failed:\n{done.stderr[-2_000:]}")


def _has_plugin(docker: str) -> bool:
    asked = (docker, "compose", "version")
    return subprocess.run(asked, capture_output=True, check=False, timeout=30).returncode == 0
