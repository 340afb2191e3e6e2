"""Loads text that must be refused."""

import pytest

from gamification.wire.rulebook import RulebookError, load


def problems_in(text: str) -> list[str]:
    """All problems as `line:column: path: message`."""
    with pytest.raises(RulebookError) as caught:
        load(text, "file")
    return [str(problem).removeprefix("file:") for problem in caught.value.problems]
