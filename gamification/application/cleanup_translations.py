"""Delete versions of translations that nobody will want back, in bounded steps."""

from collections.abc import Iterator
from typing import Final

from gamification.adapters.postgres import translations
from gamification.adapters.postgres.session import EngineSession
from gamification.adapters.postgres.translations import Version

KEPT_DAYS: Final = 90
"""Whatever is younger is kept, however many versions there are."""
DELETED_EACH: Final = 1_000


def prunable(session: EngineSession, keep: int) -> list[Version]:
    """What `prune` would delete. Raises Unavailable."""
    return translations.old(session, keep, KEPT_DAYS)


def prune(session: EngineSession, keep: int) -> Iterator[int]:
    """Delete it, one transaction for each step; yield how many each deleted.

    Nobody sees a difference: the text in force is always the newest. Raises Unavailable; then
    run it again. `keep` is at least 1.
    """
    while deleted := translations.prune(session, max(1, keep), KEPT_DAYS, DELETED_EACH):
        yield deleted
