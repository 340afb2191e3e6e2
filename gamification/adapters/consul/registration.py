"""Keeps this process on Consul's list while it runs, and never keeps the process waiting.

Without Consul everything else goes on: callers may know our address from elsewhere.
"""

import asyncio
from typing import Final

from gamification.adapters.consul.agent import Agent, Instance
from gamification.domain.errors import Unavailable
from gamification.telemetry import logs, metrics

LOOK_EVERY_S: Final = 15.0
"""An agent that was started afresh may have forgotten us."""
TRY_EVERY_S: Final = 3.0
"""While the agent is away."""

log = logs.get("consul")


class Registration:
    """`start` returns at once; `stop` within two requests' time. For one event loop."""

    def __init__(
        self,
        agent: Agent,
        instance: Instance,
        *,
        look_every_s: float = LOOK_EVERY_S,
        try_every_s: float = TRY_EVERY_S,
    ) -> None:
        self._agent = agent
        self._instance = instance
        self._look_every_s = look_every_s
        self._try_every_s = try_every_s
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_away = False
        metrics.CONSUL_REGISTERED.set(0)

    def start(self) -> None:
        """Call it when we answer: from now on others may be sent to us."""
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Off the list, if the agent answers; else it finds out by its check."""
        self._over.set()
        if self._task is not None:
            await self._task  # a registration that is on its way must not arrive after this
        try:
            await self._agent.deregister(self._instance)
        except Unavailable as error:
            log.warning("consul_not_told", reason=str(error), id=self._instance.id)
        else:
            log.info("consul_deregistered", id=self._instance.id)
        finally:
            metrics.CONSUL_REGISTERED.set(0)
            await self._agent.close()

    async def _keep(self) -> None:
        was_registered = False
        while not self._over.is_set():
            try:
                was_registered = await self._look(was_registered=was_registered)
            except Unavailable as error:
                self._tell_away(str(error))
            except Exception:  # whatever it is, it is no reason to end the service
                log.exception("consul_failed")
                self._tell_away("a mistake of ours")
            pause_s = self._try_every_s if self._is_away else self._look_every_s
            try:
                await asyncio.wait_for(self._over.wait(), pause_s)
            except TimeoutError:
                continue

    async def _look(self, *, was_registered: bool) -> bool:
        """Registers what the agent does not know. Raises Unavailable."""
        if not was_registered or not await self._agent.knows(self._instance):
            await self._agent.register(self._instance)
            again = was_registered
            log.info("consul_registered", id=self._instance.id, again=again)
        self._is_away = False
        metrics.CONSUL_REGISTERED.set(1)
        return True

    def _tell_away(self, reason: str) -> None:
        """Once, not with every try."""
        metrics.CONSUL_REGISTERED.set(0)
        if not self._is_away:
            metrics.ERRORS.labels(Unavailable.__name__).inc()
            log.warning("consul_away", reason=reason, id=self._instance.id)
        self._is_away = True
