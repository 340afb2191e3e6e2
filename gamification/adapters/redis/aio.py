"""As `connection`, for asyncio: a client that cannot hang and says its errors in our words.

A thousand calls may ask at once; they take turns on a few connections, and each waits no longer
than its time-out for everything together.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Self, TypeAlias, TypeVar

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisClusterException, RedisError
from redis.exceptions import TimeoutError as TimedOut

from gamification.adapters.redis.connection import (
    CONNECTIONS_MAX,
    HEALTH_CHECK_S,
    RETRIES,
    RETRY_AFTER_S,
    Address,
    translated,
)
from gamification.domain.errors import Unavailable

Client: TypeAlias = Redis | RedisCluster
Answer = TypeVar("Answer")

TIMEOUT_S: Final = 0.5
"""Somebody waits for the answer to a call of theirs."""


class AsyncRedis:
    """One server or a cluster, for one event loop. Nothing connects before the first command."""

    def __init__(self, client: Client, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._turns = asyncio.Semaphore(CONNECTIONS_MAX)

    @classmethod
    def at(cls, address: Address, name: str, timeout_s: float = TIMEOUT_S) -> Self:
        """`timeout_s` bounds a command with all that belongs to it: its turn, connecting, retries.

        Every command may be sent a second time, so only idempotent ones may be used.
        """
        # So that after a connection that hangs there is time left for a new one.
        each_s = timeout_s / (RETRIES + 1)
        common: dict[str, Any] = {
            **address.settings(),
            "socket_timeout": each_s,
            "socket_connect_timeout": each_s,
            "socket_keepalive": True,
            "health_check_interval": HEALTH_CHECK_S,
            "max_connections": CONNECTIONS_MAX,
            "client_name": name,
            # We try again ourselves: the cluster's client does not when it is told the node.
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        if address.cluster:
            # Unless 0, every fifth slot that moved makes it hang up on all that is under way.
            return cls(RedisCluster(reinitialize_steps=0, **common), timeout_s)
        return cls(Redis(**common), timeout_s)

    @property
    def client(self) -> Client:
        """For those who bound and translate what they ask themselves."""
        return self._client

    @property
    def is_cluster(self) -> bool:
        """Whether the keys of one command must be in one slot."""
        return isinstance(self._client, RedisCluster)

    async def run(self, command: Callable[[Client], Awaitable[Answer]]) -> Answer:
        """What `command` answers. Raises Unavailable or Halt."""
        with translated():
            try:
                async with asyncio.timeout(self._timeout_s), self._turns:
                    for _ in range(RETRIES):
                        try:
                            return await self._once(command)
                        except (Disconnected, TimedOut):
                            await asyncio.sleep(RETRY_AFTER_S)
                    return await self._once(command)
            except TimeoutError:
                raise Unavailable(f"redis: no answer within {self._timeout_s} s") from None

    async def evaluate(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run one script. All keys must be in one slot. Raises Unavailable or Halt."""
        return await self.run(lambda client: _evaluate(client, script, keys, arguments))

    async def close(self) -> None:
        """Give the sockets back. Never raises."""
        try:
            await self._client.aclose()
            if isinstance(self._client, RedisCluster):
                # Its own close does nothing while it does not know the cluster's nodes.
                await self._client.nodes_manager.aclose()
                await self._client.nodes_manager.aclose("startup_nodes")
        except (RedisError, RedisClusterException, OSError):
            return

    async def _once(self, command: Callable[[Client], Awaitable[Answer]]) -> Answer:
        try:
            return await command(self._client)
        except AttributeError as error:
            # What the cluster's client says of a connection that somebody else closed meanwhile.
            if isinstance(self._client, RedisCluster):
                raise Disconnected("closed while it was being made") from error
            raise


async def _evaluate(
    client: Client, script: str, keys: Sequence[str], arguments: Sequence[Any]
) -> Any:
    if isinstance(client, Redis):
        return await client.eval(script, len(keys), *keys, *arguments)
    # By itself it asks any node, which answers that it has to be another one.
    await client.initialize()
    node = client.get_node_from_key(keys[0])
    return await client.execute_command(
        "EVAL", script, len(keys), *keys, *arguments, target_nodes=node
    )
