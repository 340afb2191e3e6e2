"""What happens to any server alike: it is away, or it does not answer."""

from typing import ClassVar, Literal

from deploy.devstack.server import Server
from tests.chaos.fault import Fault


class OfServer(Fault):
    """A fault of one server, named by the `on` of its class; two of the same never overlap."""

    on: ClassVar[Literal["kafka", "postgres", "redis"]]

    def __init_subclass__(cls, on: Literal["kafka", "postgres", "redis"] | None = None) -> None:
        super().__init_subclass__()
        if on is not None:
            cls.on = on
            cls.touches = frozenset({on})

    @property
    def server(self) -> Server:
        servers = self.world.chain.servers
        return {"kafka": servers.kafka, "postgres": servers.postgres, "redis": servers.redis}[
            self.on
        ]


class Away(OfServer):
    """Stopped in order or killed, and started later."""

    def inject(self) -> object:
        killed = self.random.random() < 0.5
        if killed:
            self.server.kill()
        else:
            self.server.stop()
        return "killed" if killed else "stopped"

    def mend(self) -> object:
        self.server.start()
        return None


class Frozen(OfServer):
    """It keeps its connections, and says nothing."""

    def inject(self) -> object:
        self.server.pause()
        return None

    def mend(self) -> object:
        self.server.resume()
        return None
