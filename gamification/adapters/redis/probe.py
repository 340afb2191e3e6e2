"""Is Redis usable? For /ready, from a thread of its own."""

from typing import Any, Final

from gamification.adapters.redis.connection import Address, Client, connect, translated

NAME: Final = "gamification-ready"


class RedisProbe:
    """Connects when first asked, and goes on using that connection."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client: Client | None = None

    def check(self) -> None:
        """Raises Unavailable or Halt."""
        if self._client is None:
            self._client = connect(self._address, NAME)
        client: Any = self._client
        with translated():
            client.ping()
