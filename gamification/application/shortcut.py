"""During a storm of duplicates, ask Redis which events are surely done before asking Postgres.

In quiet times the question costs more than it saves and is left out. It never decides anything:
an event counts as done only when the content hash is the same, and an empty answer is always safe.
"""

from collections.abc import Collection, Sequence

from gamification.adapters.postgres.processed_events import EventKey
from gamification.adapters.redis.processed import Processed
from gamification.application.award import Outcome
from gamification.telemetry import metrics
from gamification.wire.envelope import Decoded


class Shortcut:
    """For one worker."""

    def __init__(self, processed: Processed, *, storm_percent: int, ttl_s: int) -> None:
        self._processed = processed
        self._storm_share = storm_percent / 100
        self._ttl_s = ttl_s
        self._share = 0.0

    @property
    def is_storm(self) -> bool:
        return self._share >= self._storm_share

    def known_done(self, batch: Sequence[Decoded]) -> Collection[EventKey]:
        """Ids of the batch that were counted with just this content; few, unless it storms."""
        if not self.is_storm:
            return ()
        hashes: dict[EventKey, int] = {}
        contested: set[EventKey] = set()
        for activity in (d.activity for d in batch if d.activity is not None):
            key = (activity.merchant_id, activity.event_id)
            if hashes.setdefault(key, activity.content_hash) != activity.content_hash:
                contested.add(key)  # one of them is not done: a conflict, which Postgres finds
        known = self._processed.known(list(hashes))
        done = {key for key, content_hash in known.items() if hashes[key] == content_hash}
        done -= contested
        metrics.DUPLICATES.labels("redis").inc(len(done))
        return done

    def note(self, outcome: Outcome) -> None:
        """After a commit: learn how stormy it is and, if it is, remember what is done."""
        duplicates = len(outcome.duplicates)
        handled = len(outcome.counted) + duplicates
        if not handled:
            return
        # The last twenty batches or so count; one full batch of duplicates is not yet a storm.
        self._share += (duplicates / handled - self._share) * 0.1
        if self.is_storm:
            done = (*outcome.counted, *outcome.duplicates)
            hashes = {(a.merchant_id, a.event_id): a.content_hash for a in done}
            self._processed.remember(hashes, self._ttl_s)
