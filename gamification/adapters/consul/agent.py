"""The agent of Consul on this machine, by its HTTP API: a few requests, each ends in time."""

import asyncio
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from gamification.domain.errors import Unavailable

ANSWER_WITHIN_S: Final = 1.0
"""For a whole request. The agent is a neighbour; a stop waits for one of these."""

CHECK_EVERY_S: Final = 10
CHECK_WITHIN_S: Final = 3
GONE_AFTER_S: Final = 60
"""How long an instance that died without a word stays on the list as failing; Consul's least."""


@dataclass(frozen=True, slots=True)
class Instance:
    """What the agent is told of us."""

    id: str
    """Of this process alone."""
    name: str
    port: int
    check_url: str
    """What the agent asks over HTTP to know whether we are alive."""
    address: str = ""
    """Where others reach us; empty is the agent's own address."""

    def as_json(self) -> dict[str, Any]:
        """As the agent's API wants it. It is failing until the agent's first check."""
        return {
            "ID": self.id,
            "Name": self.name,
            "Port": self.port,
            **({"Address": self.address} if self.address else {}),
            "Check": {
                "Name": "health over HTTP",
                "HTTP": self.check_url,
                "Interval": f"{CHECK_EVERY_S}s",
                "Timeout": f"{CHECK_WITHIN_S}s",
                "DeregisterCriticalServiceAfter": f"{GONE_AFTER_S}s",
            },
        }


class Agent:
    """For one event loop. Every method raises Unavailable, with a reason that holds no secret."""

    def __init__(self, address: str, token: str = "") -> None:
        """`address` is host:port, or a URL; the token, if any, goes with every request."""
        url = address if "://" in address else f"http://{address}"
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"x-consul-token": token} if token else {},
            timeout=ANSWER_WITHIN_S,
            # The machine's own CAs; in clear nothing has to be read for that.
            verify=ssl.create_default_context() if url.startswith("https:") else False,
            follow_redirects=False,
            trust_env=False,  # a proxy of the environment is for the world outside
            limits=httpx.Limits(max_connections=2, max_keepalive_connections=0),
        )

    async def register(self, instance: Instance) -> None:
        """Harmless when it is known already."""
        path = "/v1/agent/service/register?replace-existing-checks=true"
        await self._ask("PUT", path, {HTTPStatus.OK}, instance.as_json())

    async def knows(self, instance: Instance) -> bool:
        """Whether the instance is on the agent's list."""
        path = f"/v1/agent/service/{quote(instance.id, safe='')}"
        answer = await self._ask("GET", path, {HTTPStatus.OK, HTTPStatus.NOT_FOUND})
        return answer == HTTPStatus.OK

    async def deregister(self, instance: Instance) -> None:
        """Harmless when it is not known."""
        path = f"/v1/agent/service/deregister/{quote(instance.id, safe='')}"
        await self._ask("PUT", path, {HTTPStatus.OK, HTTPStatus.NOT_FOUND})

    async def check(self) -> None:
        """Raises Unavailable when it does not answer. Needs no token."""
        await self._ask("GET", "/v1/status/leader", {HTTPStatus.OK})

    async def close(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _ask(
        self, method: str, path: str, good: set[HTTPStatus], body: dict[str, Any] | None = None
    ) -> int:
        """The status. What the agent says besides is not even read."""
        try:
            async with (
                asyncio.timeout(ANSWER_WITHIN_S),  # httpx has limits for each step only
                self._client.stream(method, path, json=body) as answer,
            ):
                status = answer.status_code
        except TimeoutError:
            raise Unavailable("consul: no answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Unavailable(f"consul: {type(error).__name__}") from error
        if status not in good:
            raise Unavailable(f"consul: answered {status}")
        return status
