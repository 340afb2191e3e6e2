"""What a caller may do with a server, whatever it runs in."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from deploy.devstack.errors import NotOurs


class Server(Protocol):
    """Comes back with the same address and the same data however it went away."""

    @property
    def name(self) -> str: ...

    def start(self) -> None:
        """Return when it answers; nothing when it runs already. Raises NotReady."""

    def stop(self) -> bool:
        """Orderly. False when it had to be killed."""

    def kill(self) -> None:
        """As by a power cut: SIGKILL, and return when it is gone."""

    def pause(self) -> None:
        """Frozen: connections stay open and nothing answers."""

    def resume(self) -> None: ...

    def restart(self) -> None:
        """Orderly stop and start."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers are. `postgres_dsn` is a superuser's."""

    ENVIRONMENT: ClassVar = (
        "KAFKA_BROKER",
        "GAMIFICATION_SCHEMA_REGISTRY_URL",
        "GAMIFICATION_POSTGRES_DSN",
        "GAMIFICATION_REDIS_HOST",
        "GAMIFICATION_REDIS_PORT",
    )
    """The names by which the application reads them, in the order of the fields."""

    kafka_bootstrap: str
    registry_url: str
    postgres_dsn: str
    redis_host: str
    redis_port: int

    @property
    def redis_url(self) -> str:
        return f"redis://{self.redis_host}:{self.redis_port}/0"

    def as_environment(self) -> dict[str, str]:
        """The same for the application's processes."""
        values = (
            self.kafka_bootstrap,
            self.registry_url,
            self.postgres_dsn,
            self.redis_host,
            str(self.redis_port),
        )
        return dict(zip(self.ENVIRONMENT, values, strict=True))


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A server that somebody else runs."""

    name: str

    def start(self) -> None:
        raise self._not_ours()

    def stop(self) -> bool:
        raise self._not_ours()

    def kill(self) -> None:
        raise self._not_ours()

    def pause(self) -> None:
        raise self._not_ours()

    def resume(self) -> None:
        raise self._not_ours()

    def restart(self) -> None:
        raise self._not_ours()

    def _not_ours(self) -> NotOurs:
        return NotOurs(f"{self.name} is known by its address only; GAMIFICATION_DEVSTACK=local")
