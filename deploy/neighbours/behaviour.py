"""How a neighbour answers: well, late, with an error, or not with the truth."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

import grpc.aio
from grpc import StatusCode

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

REMEMBERED_MAX: Final = 1000
GARBAGE: Final = b"\xff\xff\xff\xff not a message"


class Lie(StrEnum):
    """What a service may answer that is not so."""

    GARBAGE = "garbage"
    """Bytes that are no message."""
    NONSENSE = "nonsense"
    """A message whose values mean nothing."""
    OTHER_MERCHANT = "other_merchant"
    OTHER_TOKEN = "other_token"  # noqa: S105 - the name of a lie
    EXPIRED = "expired"
    EVERYBODY = "everybody"
    """Yes, whoever is asked for."""
    NOBODY = "nobody"
    """No, whoever is asked for."""
    OTHER_CUSTOMER = "other_customer"
    """Another one's address and points."""


@dataclass(slots=True)
class Behaviour:
    """Set from any thread; it holds from the next call on."""

    delay_s: float = 0.0
    status: StatusCode | None = None
    """Answered instead of anything else."""
    details: str = "told to fail"
    lie: Lie | None = None
    calls: int = 0
    """How many were made, whatever was answered."""
    traceparents: deque[str | None] = field(default_factory=lambda: deque(maxlen=REMEMBERED_MAX))
    """Of the last calls."""

    def be_well(self) -> None:
        """Answer the truth at once again; what was counted stays."""
        self.delay_s, self.status, self.lie = 0.0, None, None

    async def before_answer(self, context: Context) -> None:
        """Count the call, wait, and fail if told to."""
        self.calls += 1
        metadata = dict(context.invocation_metadata() or ())
        found = metadata.get("traceparent")
        self.traceparents.append(found if isinstance(found, str) else None)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.status is not None:
            await context.abort(self.status, self.details)
