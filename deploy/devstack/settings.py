"""What a person can choose about the development servers, read from the environment once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from deploy.devstack.errors import DevstackError


class Backend(StrEnum):
    AUTO = "auto"
    DOCKER = "docker"
    LOCAL = "local"
    EXTERNAL = "external"


class Source(StrEnum):
    """Where a local server's program comes from; `auto` is installed, else wheel."""

    AUTO = "auto"
    INSTALLED = "installed"
    WHEEL = "wheel"


NAMES: Final = {
    "GAMIFICATION_DEVSTACK": "auto|docker|local|external: containers when a Docker daemon answers,"
    " else local processes; external uses the addresses in KAFKA_BROKER and the like, and tests"
    " empty the Redis that they find there",
    "GAMIFICATION_DEVSTACK_POSTGRES": "auto|installed|wheel: which Postgres runs locally",
    "GAMIFICATION_DEVSTACK_REDIS": "auto|installed|wheel: which Redis or Valkey runs locally",
    "GAMIFICATION_DEVSTACK_CACHE": "folder for downloads;"
    " default gamification-devstack in XDG_CACHE_HOME or ~/.cache",
    "GAMIFICATION_DEVSTACK_KEEP": "1 keeps the servers' data and logs after they stopped",
}

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Settings:
    cache: Path
    backend: Backend = Backend.AUTO
    postgres: Source = Source.AUTO
    redis: Source = Source.AUTO
    keep: bool = False


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Raises DevstackError for a value that is not allowed."""
    given = os.environ if environment is None else environment
    caches = given.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = given.get("GAMIFICATION_DEVSTACK_CACHE") or f"{caches}/gamification-devstack"
    return Settings(
        cache=Path(cache),
        backend=_one_of(Backend, given, "GAMIFICATION_DEVSTACK"),
        postgres=_one_of(Source, given, "GAMIFICATION_DEVSTACK_POSTGRES"),
        redis=_one_of(Source, given, "GAMIFICATION_DEVSTACK_REDIS"),
        keep=given.get("GAMIFICATION_DEVSTACK_KEEP", "") not in ("", "0"),
    )


def _one_of(kind: type[Choice], given: Mapping[str, str], name: str) -> Choice:
    value = given.get(name) or "auto"
    try:
        return kind(value)
    except ValueError:
        raise DevstackError(f"{name}={value} is not one of {', '.join(kind)}") from None
