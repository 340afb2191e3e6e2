"""Concurrent calls, gathered into transactions: one commit for many of them.

Callers hand in a call and get a future. One thread takes what has come, up to a limit, and handles
it together; while it does, the next ones gather by themselves.
"""

import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Event, Thread
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from gamification.domain.errors import GamificationError, Suspect, Unavailable
from gamification.telemetry import logs, metrics

LOOK_EVERY_S: Final = 0.2
TRIES: Final = 2
"""A connection that was cut while it was idle, or a deadlock, is no caller's business."""

C = TypeVar("C")
R = TypeVar("R")

log = logs.get("gather")


class Handler(Protocol[C, R]):  # type: ignore[misc]
    """What handles calls. Used by one thread, made anew after Unavailable.

    A call that was done already must be harmless: it may come again.
    """

    def handle(self, calls: Sequence[C]) -> list[R]:
        """A result for each, in order: all of them, or none. Raises Suspect, Unavailable, Halt."""
        ...

    def close(self) -> None: ...


class Bounds(NamedTuple):
    """`gather_ms`: for how long the first call of a transaction waits for others."""

    gather_ms: int
    together_max: int
    waiting_max: int


class _Waiting(NamedTuple, Generic[C, R]):
    call: C
    until_s: float
    future: "Future[R]"


class Gatherer(Generic[C, R]):
    """Between many callers and one handler. `submit` from any thread."""

    def __init__(self, make: Callable[[], Handler[C, R]], bounds: Bounds) -> None:
        """`make` may raise Unavailable: then the calls at hand fail; the next ones try again."""
        self._make = make
        self._bounds = bounds
        self._queue: queue.Queue[_Waiting[C, R]] = queue.Queue(bounds.waiting_max)
        self._stopping = Event()
        self._handler: Handler[C, R] | None = None
        self._thread = Thread(target=self._run, name="gather", daemon=True)

    @property
    def is_turning(self) -> bool:
        """Whether calls are handled. From any thread."""
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def submit(self, call: C, within_s: float) -> "Future[R]":
        """The result, or what went wrong; a call that is not begun in time fails as Unavailable.

        Raises Unavailable when too many wait, or when we are stopping.
        """
        if self._stopping.is_set():
            raise Unavailable("stopping")
        future: Future[R] = Future()
        try:
            self._queue.put_nowait(_Waiting(call, time.monotonic() + within_s, future))
        except queue.Full:
            raise Unavailable(f"{self._bounds.waiting_max} calls wait already") from None
        return future

    def stop(self, within_s: float) -> bool:
        """Handle what waits, take nothing new; whether that was done in time."""
        self._stopping.set()
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not (self._stopping.is_set() and self._queue.empty()):
                waiting = self._take()
                if waiting:
                    self._handle(waiting)
        finally:
            self._stopping.set()
            self._drop()
            for left in self._rest():
                if left.future.set_running_or_notify_cancel():
                    left.future.set_exception(Unavailable("stopping"))

    def _take(self) -> list[_Waiting[C, R]]:
        """The next calls, without those that nobody waits for any more."""
        try:
            taken = [self._queue.get(timeout=LOOK_EVERY_S)]
        except queue.Empty:
            return []
        until_s = time.monotonic() + self._bounds.gather_ms / 1000
        while len(taken) < self._bounds.together_max:
            try:
                taken.append(self._queue.get(timeout=max(0.0, until_s - time.monotonic())))
            except queue.Empty:
                break
        now_s = time.monotonic()
        wanted: list[_Waiting[C, R]] = []
        for each in taken:
            if not each.future.set_running_or_notify_cancel():
                continue
            if each.until_s < now_s:
                each.future.set_exception(Unavailable("no time left before it was begun"))
            else:
                wanted.append(each)
        return wanted

    def _handle(self, waiting: Sequence[_Waiting[C, R]]) -> None:
        """All together; if one spoils it, find that one by halving."""
        began = time.perf_counter()
        try:
            results = self._together([each.call for each in waiting])
        except Suspect as error:
            if len(waiting) == 1:
                log.exception("call_failed", reason=str(error))
                waiting[0].future.set_exception(error)
                return
            middle = len(waiting) // 2
            self._handle(waiting[:middle])
            self._handle(waiting[middle:])
            return
        except BaseException as error:  # noqa: BLE001 - whatever it is, callers must hear of it
            self._fail(waiting, error)
            return
        metrics.BATCH_ITEMS.observe(len(waiting))
        metrics.BATCH_SECONDS.observe(time.perf_counter() - began)
        for each, result in zip(waiting, results, strict=True):
            each.future.set_result(result)

    def _together(self, calls: Sequence[C]) -> list[R]:
        for left in reversed(range(TRIES)):
            try:
                if self._handler is None:
                    self._handler = self._make()
                return self._handler.handle(calls)
            except Unavailable:
                self._drop()
                if not left:
                    raise
            except GamificationError:
                raise
            except Exception as error:
                raise Suspect(f"{type(error).__name__} while handling a call") from error
        raise AssertionError  # every round returns or raises

    def _fail(self, waiting: Sequence[_Waiting[C, R]], error: BaseException) -> None:
        """Nothing of it was done. A connection in an unknown state is not worth saving."""
        metrics.ERRORS.labels(type(error).__name__).inc()
        log.warning("calls_failed", calls=len(waiting), reason=str(error))
        self._drop()
        for each in waiting:
            each.future.set_exception(error)

    def _drop(self) -> None:
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.close()

    def _rest(self) -> list[_Waiting[C, R]]:
        rest: list[_Waiting[C, R]] = []
        while True:
            try:
                rest.append(self._queue.get_nowait())
            except queue.Empty:
                return rest
