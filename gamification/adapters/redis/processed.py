"""The short cut for duplicates: which events were surely counted. Saves work, decides nothing.

A key is written after the commit only and holds the content hash. Whatever goes wrong here is an
empty answer: the caller then asks Postgres, which is the truth.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Self, TypeAlias

from redis import Redis

from gamification.adapters.redis import keys
from gamification.adapters.redis.connection import Address, Client, close, connect, translated
from gamification.domain.errors import GamificationError
from gamification.domain.ids import EventId, MerchantId

EventKey: TypeAlias = tuple[MerchantId, EventId]

REMEMBERED_MAX: Final = 500_000
"""Keys of one worker at a time; one takes about 214 bytes of Redis' memory."""

REST_AFTER_FAILURE_S: Final = 2.0
"""A server that is away is not asked for each batch: that would cost each one a timeout."""


TIMEOUT_S: Final = 0.1
"""Postgres answers sooner than a Redis that takes longer."""


class Processed:
    """For one worker. Never raises; never keeps more than `remembered_max` keys in Redis.

    Give it a function that connects rather than a client, so that nothing connects before the
    first question and a cluster that is away then is an empty answer too.
    """

    @classmethod
    def at(cls, address: Address, name: str) -> Self:
        """One that connects when first asked and waits a short time only."""
        return cls(lambda: connect(address, name, TIMEOUT_S))

    def __init__(
        self,
        client: Client | Callable[[], Client],
        remembered_max: int = REMEMBERED_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = None if callable(client) else client
        self._connect = client if callable(client) else lambda: client
        self._remembered_max = remembered_max
        self._clock = clock
        self._resting_until = float("-inf")
        self._written: deque[tuple[float, int]] = deque()
        self._remembered = 0

    def known(self, events: Sequence[EventKey]) -> dict[EventKey, int]:
        """Content hash of each event that is surely counted; others are left out."""
        if not events or self._is_resting():
            return {}
        names = [keys.processed(*event) for event in events]
        try:
            with translated():
                client = self._connected()
                if isinstance(client, Redis):
                    values = client.mget(names)
                else:
                    values = client.mget_nonatomic(names)
            return {
                event: int(value)
                for event, value in zip(events, values, strict=True)
                if value is not None
            }
        except (GamificationError, ValueError):
            self._rest()
            return {}

    def remember(self, hashes: Mapping[EventKey, int], ttl_s: int) -> int:
        """Write content hashes of committed events for `ttl_s` seconds; return how many fitted."""
        room = self._remembered_max - self._still_remembered()
        fitting = list(hashes.items())[: max(0, room)]
        if not fitting or self._is_resting():
            return 0
        # Counted before: a failure may have written any of them.
        self._written.append((self._clock() + ttl_s, len(fitting)))
        self._remembered += len(fitting)
        try:
            with translated():
                pipeline = self._connected().pipeline(transaction=False)
                for event, content_hash in fitting:
                    pipeline.set(keys.processed(*event), content_hash, ex=ttl_s)
                answers = pipeline.execute(raise_on_error=False)
        except GamificationError:
            self._rest()
            return 0
        done = sum(1 for answer in answers if not isinstance(answer, Exception))
        if done < len(fitting):
            self._rest()
        return done

    def close(self) -> None:
        if self._client is not None:
            close(self._client)

    def _connected(self) -> Client:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _still_remembered(self) -> int:
        while self._written and self._written[0][0] <= self._clock():
            self._remembered -= self._written.popleft()[1]
        return self._remembered

    def _is_resting(self) -> bool:
        return self._clock() < self._resting_until

    def _rest(self) -> None:
        self._resting_until = self._clock() + REST_AFTER_FAILURE_S
