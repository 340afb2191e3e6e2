"""Which commands there are: the modules of this folder that have an `app`, found by looking.

Nothing is imported for it, so that listing them is quick.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).parent
APP: Final = re.compile(r"^app = typer\.Typer\(", re.MULTILINE)
SUMMARY: Final = re.compile(r'"""(.*?)(?::\s*`python -m|\.\s|\.?"""|\n\n)', re.DOTALL)

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "Look": ("doctor", "settings", "reconcile"),
    "Install": ("migrate", "topics", "schemas"),
    "Merchants and rules": ("merchants", "rules", "import_translations", "cleanup_translations"),
    "Dead letters and replays": ("reprocess_dlq", "replay", "relay"),
    "Customers": ("award", "reverse", "rebuild_leaderboard"),
    "Audit and security": ("archive_audit", "revoke_token"),
    "This tool": ("completion",),
}
"""In this order; a command that is not named here comes last, under OTHERS."""
OTHERS: Final = "Others"


class Entry(NamedTuple):
    """One command: `python -m cli NAME`."""

    name: str
    summary: str


def entries(folder: Path = FOLDER) -> dict[str, Entry]:
    """By name."""
    found = {}
    for path in sorted(folder.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if APP.search(text) is not None:
            found[path.stem] = Entry(path.stem, _summary(text))
    return found


def grouped(folder: Path = FOLDER) -> dict[str, list[Entry]]:
    """By group, groups without any command left out."""
    left = entries(folder)
    groups = {
        title: [left.pop(name) for name in names if name in left] for title, names in GROUPS.items()
    }
    groups[OTHERS] = list(left.values())
    return {title: members for title, members in groups.items() if members}


def _summary(text: str) -> str:
    """The first sentence of the module's docstring, in one line."""
    found = SUMMARY.match(text)
    return "" if found is None else " ".join(found[1].split())
