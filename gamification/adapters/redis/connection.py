"""Open a client that cannot hang, and say its errors in our words.

Two roles, two addresses: state (never evicted) and cache (may go at any time). Each is one
server or a cluster.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.cluster import RedisCluster
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry

from gamification.domain.errors import GamificationError, Halt, Unavailable

Client: TypeAlias = Redis | RedisCluster

TIMEOUT_S: Final = 1.0
RETRIES: Final = 1
RETRY_AFTER_S: Final = 0.02
HEALTH_CHECK_S: Final = 15
CONNECTIONS_MAX: Final = 16

PASSING: Final = (
    "OOM",
    "MISCONF",
    "NOREPLICAS",
    "BUSY",
    "LOADING",
    "READONLY",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "UNKILLABLE",
    "MAXCLIENTS",
    "ERR MAX NUMBER OF CLIENTS",
)
"""Replies that an operator or time mends: the server is full, starting, failing over."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where one role of Redis is. With `cluster`, one node from which the others are found."""

    host: str
    port: int
    cluster: bool = False
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    ca_file: str = ""

    def settings(self) -> dict[str, Any]:
        """Where and as whom, by the client's names."""
        said: dict[str, Any] = {"host": self.host, "port": self.port}
        if self.username:
            said["username"] = self.username
        if self.password:
            said["password"] = self.password
        if self.tls:
            said |= {"ssl": True, "ssl_ca_certs": self.ca_file or None}
        return said


def connect(address: Address, name: str, timeout_s: float = TIMEOUT_S) -> Client:
    """A client for one thread. `timeout_s` bounds connecting and every answer.

    Every command may be sent a second time, so only idempotent ones may be used. A single server
    is first contacted by the first command; a cluster now. Raises Unavailable, Halt.
    """
    retry = Retry(ConstantBackoff(RETRY_AFTER_S), RETRIES)
    common: dict[str, Any] = {
        **address.settings(),
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "socket_keepalive": True,
        "health_check_interval": HEALTH_CHECK_S,
        "max_connections": CONNECTIONS_MAX,
        "client_name": name,
        "retry": retry,
        "protocol": 2,
    }
    with translated():
        if address.cluster:
            return RedisCluster(**common)
        return Redis(**common)


def close(client: Client) -> None:
    """Give the sockets back. Never raises."""
    try:
        client.close()
    except (RedisError, RedisClusterException, OSError):
        return


@contextmanager
def translated() -> Iterator[None]:
    """Wrap every command. Raises Unavailable or Halt."""
    try:
        yield
    except (RedisError, RedisClusterException, OSError) as error:
        raise translate(error) from error


def translate(error: Exception) -> GamificationError:
    """Ours for theirs.

    Refused logins and commands that the server does not understand are Halt: no retry mends
    them. What we do not know counts as Redis being away.
    """
    said = f"redis: {type(error).__name__}: {error}"
    match error:
        case AuthenticationError() | AuthorizationError() | NoPermissionError():
            return Halt(said)
        case Disconnected() | TimedOut() | OutOfMemoryError() | ReadOnlyError():
            return Unavailable(said)
        case ClusterDownError() | TryAgainError() | RedisClusterException():
            return Unavailable(said)
        case ResponseError():
            words = str(error).upper()
            passing = words.startswith(PASSING) or "OOM COMMAND NOT ALLOWED" in words
            return Unavailable(said) if passing else Halt(said)
        case _:
            return Unavailable(said)


def evaluate(client: Client, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
    """Run one script. All keys must be in one slot. Raises Unavailable or Halt."""
    with translated():
        return client.eval(script, len(keys), *keys, *arguments)


def evaluate_many(
    client: Client, script: str, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]
) -> list[Any]:
    """Run one script once for each (keys, arguments), in one round trip per server.

    The text of the script goes along each time: a server that restarted has no script cache, and
    a pipeline cannot ask twice. Raises Unavailable or Halt when any call failed; any of the
    others may have been done then.
    """
    if not calls:
        return []
    with translated():
        pipeline: Any = client.pipeline(transaction=False)
        for keys, arguments in calls:
            # Not `eval`: the pipeline of a cluster does not have it, though it can do it.
            pipeline.execute_command("EVAL", script, len(keys), *keys, *arguments)
        answers = list(pipeline.execute(raise_on_error=False))
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers
