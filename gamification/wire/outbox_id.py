"""The header that says which row of the outbox a record is: how the relay knows what readers see.

Not the content: that of a dead letter changes when its original is gone. Not the time: that is of
the clock of whoever published it.
"""

import re
from collections.abc import Iterable
from typing import Final

HEADER: Final = "outbox_id"
SAID: Final = re.compile(rb"(?P<life>[0-9a-f]{8})-(?P<row>[0-9]{1,19})")
LIFE_LENGTH: Final = 8
"""Enough to tell one database from the one before it: ids begin anew with each."""


def worded(incarnation: str, row: int) -> str:
    """`1f3a9c02-123`: of which database, and the row's id. `incarnation`: a UUID's text."""
    return f"{incarnation[:LIFE_LENGTH]}-{row}"


def row_of(headers: Iterable[tuple[str, bytes | None]], incarnation: str | None) -> int | None:
    """The id of the row; 0 for one of another database; None for a record of somebody else.

    Without `incarnation` rows of all databases are alike.
    """
    said = next((value for name, value in headers if name == HEADER), None)
    found = SAID.fullmatch(said or b"")
    if found is None:
        return None
    ours = incarnation is None or found["life"] == incarnation[:LIFE_LENGTH].encode()
    return int(found["row"]) if ours else 0
