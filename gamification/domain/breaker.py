"""When so much is rejected that the fault is ours, not the records'."""

from dataclasses import dataclass

from gamification.domain.errors import TooManyRejected


@dataclass(slots=True)
class Breaker:
    """Watches the share of rejected records over a long run."""

    share_max_percent: int
    run_min: int
    """Records that make a run long enough to be judged."""
    handled: int = 0
    rejected: int = 0

    def judge(self, handled: int, rejected: int) -> None:
        """Count a batch before it is written. Raises TooManyRejected, and then it must not be.

        Old batches fade: past ten runs the counts are halved.
        """
        self.handled += handled
        self.rejected += rejected
        if self.handled < self.run_min:
            return
        if self.rejected * 100 > self.handled * self.share_max_percent:
            raise TooManyRejected(
                f"{self.rejected} of the last {self.handled} records are bad, more than "
                f"{self.share_max_percent} percent: is a schema, a topic or a release wrong?"
            )
        if self.handled > 10 * self.run_min:
            self.handled //= 2
            self.rejected //= 2
