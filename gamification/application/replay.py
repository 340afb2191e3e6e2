"""Send a time window of an input topic again, as `gamification.replay`, where workers read it.

Through the outbox, as all that we publish. What was counted is a duplicate and changes nothing,
so a window may be sent as often as somebody likes; what was never counted is counted now.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gamification.adapters.postgres import letter_index, outbox
from gamification.adapters.postgres.letter_index import Key
from gamification.adapters.postgres.session import EngineSession
from gamification.application.pace import Pace
from gamification.domain.activity import Activity
from gamification.domain.ids import MerchantId
from gamification.telemetry.killpoints import reached
from gamification.wire.dead_letter import copy_row, letter_id
from gamification.wire.decode import Decoder
from gamification.wire.envelope import Record


class Window(NamedTuple):
    """What is meant, by the records' own timestamps: milliseconds since 1970."""

    since_ms: int
    until_ms: int
    """Before then."""
    merchant_id: MerchantId | None = None
    activity_type: str | None = None
    """Of `activity.recorded`."""

    def holds(self, record: Record) -> bool:
        return self.since_ms <= record.timestamp_ms < self.until_ms

    def wants(self, activity: Activity) -> bool:
        if self.merchant_id is not None and activity.merchant_id != self.merchant_id:
            return False
        said = activity.fields.get("activity_type")
        return self.activity_type is None or said == self.activity_type


@dataclass(slots=True)
class Progress:
    """How far it came."""

    found: int = 0
    """Records that are meant; sent, unless it was only asked what would be."""
    other: int = 0
    """Of the window, but another merchant's or of another type."""
    letters: int = 0
    """Dead letters, or cannot be read and will be: `reprocess_dlq` sends these."""
    stopped: bool = False
    unsent_ms: int | None = None
    """When it was stopped: the earliest timestamp of what was read and not sent."""
    reached_ms: dict[int, int] = field(default_factory=dict)
    """By partition: the timestamp up to which everything was read."""


class WindowReplayer:
    """For one thread. Without a pace nothing is sent, only counted."""

    def __init__(self, session: EngineSession, decoder: Decoder, pace: Pace | None) -> None:
        self._session = session
        self._decoder = decoder
        self._pace = pace

    def replay(
        self,
        pages: Iterable[Sequence[Record]],
        window: Window,
        told: Callable[[Progress], None] = lambda _progress: None,
    ) -> Progress:
        """Send what is meant of `pages`. Raises Unavailable; what was sent is sent."""
        progress = Progress()
        if self._pace is not None:
            self._pace.begin()
        for page in pages:
            meant = self._meant(page, window, progress)
            for record in page:
                before = progress.reached_ms.get(record.partition, 0)
                progress.reached_ms[record.partition] = max(before, record.timestamp_ms)
            together = len(meant) or 1 if self._pace is None else self._pace.together
            for at in range(0, len(meant), together):
                group = meant[at : at + together]
                if self._pace is not None:
                    self._send(group)
                progress.found += len(group)
                told(progress)
                if self._pace is not None and self._pace.took(len(group)):
                    rest = meant[at + together :]
                    progress.stopped = True
                    progress.unsent_ms = min((each.timestamp_ms for each in rest), default=None)
                    return progress
            told(progress)
        return progress

    def _meant(self, page: Sequence[Record], window: Window, progress: Progress) -> list[Record]:
        meant: list[tuple[Key, Record]] = []
        inside = [record for record in page if window.holds(record)]
        for record, activity, _letter in self._decoder.decode_all(inside):
            if activity is None:
                progress.letters += 1
            elif window.wants(activity):
                meant.append(((activity.merchant_id, _letter_of(record)), record))
            else:
                progress.other += 1
        # Readable and refused all the same: its letter, sent again, keeps count of the attempts.
        letters = letter_index.known(self._session, [key for key, _ in meant]) if meant else set()
        progress.letters += len(letters)
        return [record for (_, letter), record in meant if letter not in letters]

    def _send(self, group: Sequence[Record]) -> None:
        with self._session.transaction() as tx:
            outbox.append(tx, [copy_row(record) for record in group], [])
            reached("replay_window.before_commit")
        reached("replay_window.after_commit")


def _letter_of(record: Record) -> bytes:
    """16 bytes: the id of the letter that the record became if it was refused."""
    return bytes.fromhex(letter_id(record.position, 1).replace("-", ""))
