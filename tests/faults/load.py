"""Events that keep coming while something breaks."""

import time
from collections.abc import Callable, Iterable, Iterator
from threading import Event, Thread
from typing import Final

from bench.workload import Delivery, Sent, WriterSchemas, publish

STORED_WITHIN_S: Final = 60


class Load:
    """Publishes in a thread of its own, `per_s` records a second at most."""

    def __init__(
        self,
        deliveries: Iterable[Delivery],
        bootstrap: str,
        schemas: WriterSchemas,
        per_s: int,
        stored_within_s: float = STORED_WITHIN_S,
    ) -> None:
        """`stored_within_s`: by then Kafka must have all, counted from the last one."""
        self._finished_within_s = 2 * stored_within_s
        self.published = 0
        self._failure: BaseException | None = None
        self._sent: Sent | None = None
        self._hurry = Event()
        self._thread = Thread(
            target=self._run,
            args=(
                lambda: publish(
                    self._paced(deliveries, per_s),
                    bootstrap,
                    schemas,
                    stored_within_s=stored_within_s,
                ),
            ),
            name="load",
            daemon=True,
        )
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def finish(self) -> Sent:
        """Send the rest at once; return what was sent. Raises what publishing raised."""
        self._hurry.set()
        self._thread.join(self._finished_within_s)
        if self._failure is not None:
            raise self._failure
        assert self._sent is not None, f"still publishing after {self._finished_within_s} s"
        return self._sent

    def _run(self, send: Callable[[], Sent]) -> None:
        try:
            self._sent = send()
        except BaseException as error:  # noqa: BLE001 - raised again where somebody looks
            self._failure = error

    def _paced(self, deliveries: Iterable[Delivery], per_s: int) -> Iterator[Delivery]:
        began = time.monotonic()
        for number, delivery in enumerate(deliveries):
            ahead_s = number / per_s - (time.monotonic() - began)
            if ahead_s > 0:
                self._hurry.wait(ahead_s)
            self.published = number + 1
            yield delivery
