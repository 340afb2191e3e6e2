"""As `connection`, for asyncio: a client that cannot hang and says its errors in our words.

A thousand calls may ask at once; they take turns on a few connections, and each waits no longer
than its time-out for everything together.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Self, TypeAlias, TypeVar

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisClusterException, RedisError

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
            "socket_timeout": each_s,
            "socket_connect_timeout": each_s,
            "socket_keepalive": True,
            "health_check_interval": HEALTH_CHECK_S,
            "max_connections": CONNECTIONS_MAX,
            "client_name": name,
            "retry": Retry(ConstantBackoff(RETRY_AFTER_S), RETRIES),
            "protocol": 2,
        }
        kind = RedisCluster if address.cluster else Redis
        return cls(kind(host=address.host, port=address.port, **common), timeout_s)

    async def run(self, command: Callable[[Client], Awaitable[Answer]]) -> Answer:
        """What `command` answers. Raises Unavailable or Halt."""
        with translated():
            try:
                async with asyncio.timeout(self._timeout_s), self._turns:
                    return await command(self._client)
            except TimeoutError:
                raise Unavailable(f"redis: no answer within {self._timeout_s} s") from None

    async def evaluate(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run one script. All keys must be in one slot. Raises Unavailable or Halt."""
        return await self.run(lambda client: client.eval(script, len(keys), *keys, *arguments))

    async def close(self) -> None:
        """Give the sockets back. Never raises."""
        try:
            await self._client.aclose()
        except (RedisError, RedisClusterException, OSError):
            return
