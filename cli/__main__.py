"""All commands under one name: `python -m cli NAME ...`, see `python -m cli --help`.

Only the command that is asked for is imported.
"""

import importlib
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from cli.catalogue import entries, grouped

PROGRAM: Final = "python -m cli"
HELP: Final = frozenset({"-h", "--help", "help"})
EXIT_USAGE: Final = 2
"""As in cli.outcome, whose import would take longer than all that is done here."""


def main(arguments: list[str]) -> int:
    """The exit code; a command ends the process itself."""
    name, *rest = arguments or ["--help"]
    if name in HELP and not rest:
        sys.stdout.write("\n".join(overview()) + "\n")
        return 0 if arguments else EXIT_USAGE
    if name == "help":
        name, rest = rest[0], [*rest[1:], "--help"]
    module = name.replace("-", "_")
    known = entries()
    if module not in known:
        near = get_close_matches(module, known, n=1)
        hint = f"; {near[0]} is" if near else ""
        sys.stderr.write(f"{name} is not a command{hint}: {PROGRAM} --help lists them\n")
        return EXIT_USAGE
    importlib.import_module(f"cli.{module}").app(rest, prog_name=f"{PROGRAM} {module}")
    return 0


def overview() -> Iterator[str]:
    """Lines of the help."""
    groups = grouped()
    width = max(len(entry.name) for members in groups.values() for entry in members)
    yield f"Usage: {PROGRAM} COMMAND ..."
    yield ""
    yield "What changes data only says what it would do, until --yes is given."
    for title, members in groups.items():
        yield ""
        yield f"{title}:"
        for entry in members:
            yield f"  {entry.name:<{width}}  {entry.summary}"
    yield ""
    yield "Exit codes: 0 done, 1 found something wrong, 2 wrong usage, 3 a dependency is away,"
    yield "130 interrupted. Examples and options of one: python -m cli COMMAND --help"
    yield "A short name with completion: python -m cli completion --help"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
