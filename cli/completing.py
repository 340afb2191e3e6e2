"""What can follow on a line that is being typed: `python -m cli.completing WORD... LAST`.

For the scripts of `python -m cli completion`: one candidate a line, nothing where a file may be
meant. LAST is the word under the cursor, as far as it is typed, or empty.
"""

import importlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final

from cli.catalogue import entries

ASSIGN: Final = "="
HELP: Final = "--help"


def candidates(words: list[str], last: str) -> list[str]:
    """`words` are those before the last one, without the program's own name."""
    given = [word for word in words if word != ASSIGN]
    incomplete = "" if last == ASSIGN else last
    known = entries()
    if not given:
        found: Iterable[str] = [*known, HELP]
    elif (name := given[0].replace("-", "_")) in known:
        command, rest = _chosen(_command(name), given[1:])
        found = _following(command, rest, incomplete)
    else:
        found = ()
    return [each for each in found if each.startswith(incomplete)]


def _command(name: str) -> Any:
    """The library's own object for it: a tree of groups, commands and their parameters."""
    from typer.main import get_command  # noqa: PLC0415 - slow to import, not for the first word

    return get_command(importlib.import_module(f"cli.{name}").app)


def _chosen(command: Any, words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words lead to, and what was given to it."""
    while words and (below := getattr(command, "commands", {}).get(words[0])) is not None:
        command, words = below, words[1:]
    return command, words


def _following(command: Any, words: list[str], incomplete: str) -> Iterator[str]:
    if hasattr(command, "commands"):
        yield from (*command.commands, HELP)
        return
    options = [each for each in command.params if each.param_type_name == "option"]
    expecting = [each for each in options if words and words[-1] in each.opts and not each.is_flag]
    if expecting:
        yield from _values(command, expecting[0], incomplete)
    elif incomplete.startswith("-"):
        for option in options:
            if option.multiple or not set(words) & set(option.opts):
                yield from (name for name in option.opts if name.startswith("--"))
        yield HELP
    else:
        for argument in command.params:
            if argument.param_type_name == "argument":
                yield from _values(command, argument, incomplete)


def _values(command: Any, parameter: Any, incomplete: str) -> Iterator[str]:
    """Of a closed set; of a path none, so that the shell completes files."""
    with command.make_context(command.name, [], resilient_parsing=True) as context:
        for item in parameter.shell_complete(context, incomplete):
            if item.type == "plain":
                yield str(item.value)


def main(arguments: list[str]) -> None:
    """Never complains: that would end up in the line that somebody types."""
    *words, last = arguments or [""]
    try:
        sys.stdout.write("".join(f"{each}\n" for each in candidates(words, last)))
    except Exception:  # noqa: BLE001 - as above
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
