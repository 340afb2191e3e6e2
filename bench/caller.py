"""A process that calls AwardBadge: `python -m bench.caller JSON`, so that it measures nobody else.

Either so many calls are under way at any time (closed loop), or they come by a fixed schedule
whatever the service does (open loop); then a call that is sent late counts from when it was due.
Everything that can be done before the load is: tokens are minted and requests encoded.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import grpc
import grpc.aio

from bench.measurement import Failed
from bench.points import customer_text, merchant_text
from bench.quantiles import quantile, summary
from deploy.neighbours.tokens import mint
from gamification.domain.identity import Scope
from gamification.generated.gamification.v1 import gamification_pb2 as pb

ROOT: Final = Path(__file__).parents[1]
AWARD_BADGE: Final = "/gamification.v1.GamificationService/AwardBadge"
NOTHING: Final = "/grpc.health.v1.Health/Check"
BADGE: Final = "welcome"
CHANNELS: Final = 8
GIVE_UP_S: Final = 10.0
LAG_EVERY_S: Final = 0.01
AWARDED: Final = pb.AwardBadgeResponse(status=pb.AWARD_STATUS_AWARDED).SerializeToString()
"""How an answer begins whose call gave the badge."""
NOT_AWARDED: Final = "NOT_AWARDED"
OPTIONS: Final = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
"""Else all channels to one address share one connection."""

Call: TypeAlias = tuple[bytes, tuple[tuple[str, str], ...]]
"""A request, encoded, and its metadata."""
Method: TypeAlias = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Customers from `first` on, each called once; customer n is of merchant n % `merchants`.

    Either `in_flight` or `per_s` is not 0. `calls_max` are prepared for a closed loop.
    """

    address: str
    seconds: float
    settle_s: float
    """Before that, and not measured."""
    merchants: int
    in_flight: int = 0
    per_s: int = 0
    calls_max: int = 0
    first: int = 0
    own_tokens: bool = False
    """A new token for each call; else one for each merchant, known before the load begins."""
    certificates: str = ""
    """Folder of `deploy.certificates`; empty: in clear."""
    does_nothing: bool = False
    """Call a method that does nothing: what is left is gRPC and this process."""

    @property
    def prepared(self) -> int:
        return round(self.per_s * (self.settle_s + self.seconds)) or self.calls_max


class Caller:
    """The running process. `start` when everything is ready, then `result`, then `close`."""

    def __init__(self, calls: Calls) -> None:
        """Returns when all calls are prepared. Raises Failed."""
        self._process = subprocess.Popen(
            (sys.executable, "-m", "bench.caller", json.dumps(asdict(calls))),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise Failed("no pipes to the caller")
        self._told, self._says = self._process.stdin, self._process.stdout
        self._line()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        """Let the load begin."""
        self._told.write("\n")
        self._told.flush()

    def result(self) -> dict[str, Any]:
        """Wait for the end of the load. The process goes on until `close`. Raises Failed."""
        return dict(json.loads(self._line()))

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        line = self._says.readline()
        if not line:
            self.close()
            raise Failed(f"the caller ended with {self._process.returncode}")
        return line


class Load:
    """All calls of one load, and what became of them."""

    def __init__(self, calls: Calls, channels: list[grpc.aio.Channel]) -> None:
        path = NOTHING if calls.does_nothing else AWARD_BADGE
        self._calls = calls
        self._prefix = b"" if calls.does_nothing else AWARDED
        # Bytes in, bytes out: decoding is not what is measured.
        self._methods: list[Method] = [channel.unary_unary(path) for channel in channels]
        self._turn = 0
        self._prepared: Iterator[Call] = iter(())
        self._took_s: list[float] = []
        self._answered = 0
        self._measured_from = 0.0
        self._measured_until = 0.0
        self.made = 0
        self.failures: Counter[str] = Counter()
        self.ran_out = False

    def prepare(self) -> list[Call]:
        calls = self._calls
        shared = [_metadata(merchant) for merchant in range(calls.merchants)]
        made: list[Call] = []
        for number in range(calls.first, calls.first + calls.prepared):
            merchant = number % calls.merchants
            request = pb.AwardBadgeRequest(
                merchant_id=merchant_text(merchant), customer_id=customer_text(number), badge=BADGE
            )
            raw = b"" if calls.does_nothing else request.SerializeToString()
            made.append((raw, _metadata(merchant) if calls.own_tokens else shared[merchant]))
        return made

    async def introduce(self, prepared: list[Call]) -> None:
        """Have every shared token known before the load, by requests that are refused later on."""
        if self._calls.own_tokens or self._calls.does_nothing:
            return
        for _, metadata in prepared[: self._calls.merchants]:
            try:
                await self._methods[0](b"", metadata=metadata, timeout=GIVE_UP_S)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
                    raise

    async def run(self, prepared: list[Call]) -> None:
        calls = self._calls
        self._prepared = iter(prepared)
        begun = time.monotonic()
        self._measured_from = begun + calls.settle_s
        self._measured_until = self._measured_from + calls.seconds
        if calls.per_s:
            await self._by_schedule(begun)
        else:
            async with asyncio.TaskGroup() as group:
                for _ in range(calls.in_flight):
                    group.create_task(self._again_and_again())

    async def _again_and_again(self) -> None:
        while (due := time.monotonic()) < self._measured_until:
            call = next(self._prepared, None)
            if call is None:
                self.ran_out = True
                return
            await self._one(call, due)

    async def _by_schedule(self, begun: float) -> None:
        async with asyncio.TaskGroup() as group:
            for number, call in enumerate(self._prepared):
                due = begun + number / self._calls.per_s
                if (left_s := due - time.monotonic()) > 0:
                    await asyncio.sleep(left_s)
                group.create_task(self._one(call, due))

    async def _one(self, call: Call, due: float) -> None:
        self.made += 1
        self._turn = (self._turn + 1) % len(self._methods)
        raw, metadata = call
        try:
            answer = await self._methods[self._turn](raw, metadata=metadata, timeout=GIVE_UP_S)
        except grpc.aio.AioRpcError as error:
            self.failures[error.code().name] += 1
            return
        now = time.monotonic()
        if not answer.startswith(self._prefix):
            self.failures[NOT_AWARDED] += 1
        if due >= self._measured_from:
            self._took_s.append(now - due)
        if self._measured_from <= now < self._measured_until:
            self._answered += 1

    def result(self) -> dict[str, Any]:
        return {
            **(summary(self._took_s) if self._took_s else {}),
            "calls_per_s": round(self._answered / self._calls.seconds),
            "calls": self.made,
            "failures": dict(self.failures),
            "ran_out": self.ran_out,
        }


async def _main(calls: Calls) -> None:
    channels = [_channel(calls) for _ in range(CHANNELS)]
    load = Load(calls, channels)
    prepared = load.prepare()
    for channel in channels:
        async with asyncio.timeout(GIVE_UP_S):
            await channel.channel_ready()
    await load.introduce(prepared)
    print("{}", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    lags_s: list[float] = []
    watching = asyncio.create_task(_watch_lag(lags_s))
    await load.run(prepared)
    watching.cancel()
    lags_s.sort()
    lag = {"own_lag_p99_ms": round(quantile(lags_s, 0.99) * 1000, 2)} if lags_s else {}
    print(json.dumps({**load.result(), **lag}), flush=True)
    # Until whoever started us has read our figures, which end with us.
    await asyncio.to_thread(sys.stdin.read)
    for channel in channels:
        await channel.close()


async def _watch_lag(lags_s: list[float]) -> None:
    """How late this process is with what it wants to do itself."""
    while True:
        due = time.monotonic() + LAG_EVERY_S
        await asyncio.sleep(LAG_EVERY_S)
        lags_s.append(time.monotonic() - due)


def _channel(calls: Calls) -> grpc.aio.Channel:
    if not calls.certificates:
        return grpc.aio.insecure_channel(calls.address, options=OPTIONS)
    folder = Path(calls.certificates)
    ca, key, own = ((folder / n).read_bytes() for n in ("ca.crt", "client.key", "client.crt"))
    credentials = grpc.ssl_channel_credentials(ca, key, own)
    return grpc.aio.secure_channel(calls.address, credentials, options=OPTIONS)


def _metadata(merchant: int) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {mint(merchant_text(merchant), [Scope.AWARD])}"),)


if __name__ == "__main__":
    asyncio.run(_main(Calls(**json.loads(sys.argv[1]))))
