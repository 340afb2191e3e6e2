"""E-mail addresses and tokens taken out of what people are shown, whoever wrote it.

Nobody shows them on purpose; ids that others chose may hold one.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

HIDDEN: Final = "********"
PERSONAL: Final = re.compile(
    r"(?<![A-Za-z0-9.!#$&'*+/=?^_`{|}~-])"
    r"[A-Za-z0-9.!#$&'*+/=?^_`{|}~-]++(?:@|%40)[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)+"
    r"|(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]++\.[A-Za-z0-9_-]++\.[A-Za-z0-9_-]*+"
)
"""E-mail addresses and JWTs.

Begins only where a word does and never goes back: linear, however long a text is.
"""


def masked(text: str) -> str:
    """The text with HIDDEN for each of them."""
    if "@" in text or "%40" in text or "eyJ" in text:  # hardly ever
        return PERSONAL.sub(HIDDEN, text)
    return text


def all_masked(value: Any) -> Any:
    """The same for every text in what JSON can hold, names of fields too; bytes are not shown."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return {all_masked(name): all_masked(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [all_masked(each) for each in value]
    return value
