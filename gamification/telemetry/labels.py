"""Label values that cannot grow without limit."""

from typing import Final

from gamification.domain.ids import uuid_text

OTHER: Final = "other"


class BoundedLabel:
    """The first `limit` values keep their name, later ones are `other`.

    First come, first kept, for as long as the process lives: a series that changed its owner
    would be worse than one that is missing.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: dict[object, str] = {}

    def resize(self, limit: int) -> None:
        """Set the limit. Values already known stay."""
        self._limit = limit

    def __call__(self, value: str | bytes) -> str:
        """`value` as a label, or `other`. Bytes are a UUID's."""
        known = self._known.get(value)
        if known is not None:
            return known
        if len(self._known) >= self._limit:
            return OTHER
        text = value if isinstance(value, str) else uuid_text(value)
        return self._known.setdefault(value, text)
