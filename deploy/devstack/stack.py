"""All servers together: leaving the `with` block ends them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.devstack.server import Addresses, Server


@dataclass(eq=False, slots=True, kw_only=True)
class Stack:
    """Running servers. `release` ends them; `folder` holds a local stack's data and logs."""

    kafka: Server
    registry: Server
    postgres: Server
    redis: Server
    addresses: Addresses
    release: Callable[[], None]
    folder: Path | None = None

    @property
    def servers(self) -> tuple[Server, ...]:
        return (self.kafka, self.registry, self.postgres, self.redis)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the servers and remove their data; a second call does nothing."""
        release, self.release = self.release, _nothing
        release()


def _nothing() -> None: ...
