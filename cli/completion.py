"""Print a short name for all commands, with completion, for a shell: `python -m cli.completion`."""

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

ROOT: Final = Path(__file__).parents[1]


class Shell(StrEnum):
    """Those that we have a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


BASH: Final = """\
gamification() {{ {run} -m cli "$@"; }}
_gamification() {{
  local IFS=$'\\n'
  COMPREPLY=($({run} -m cli.completing "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null))
}}
complete -o default -F _gamification gamification
"""

ZSH: Final = """\
gamification() {{ {run} -m cli "$@"; }}
_gamification() {{
  local -a found
  found=("${{(@f)$({run} -m cli.completing "${{(@)words[2,$CURRENT]}}" 2>/dev/null)}}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}}
(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit; }}
compdef _gamification gamification
"""

FISH: Final = """\
function gamification; {run} -m cli $argv; end
function __gamification
  set -l words (commandline -opc)
  set -l last (commandline -ct)
  set -l found ({run} -m cli.completing $words[2..-1] "$last" 2>/dev/null)
  if count $found >/dev/null; printf '%s\\n' $found; else; __fish_complete_path "$last"; end
end
complete -c gamification -f -a '(__gamification)'
"""

SCRIPTS: Final = {Shell.BASH: BASH, Shell.ZSH: ZSH, Shell.FISH: FISH}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog='Examples: eval "$(python -m cli completion bash)"; '
    "python -m cli completion zsh >> ~/.zshrc; "
    "python -m cli completion fish > ~/.config/fish/conf.d/gamification.fish"
)
def main(shell: Annotated[Shell, typer.Argument(help="Whose script.")]) -> None:
    """Print a script that defines `gamification`, which is `python -m cli` from any folder.

    It completes commands, options, and values where there are only some. Exit code 0: printed; 2:
    no such shell.
    """
    typer.echo(SCRIPTS[shell].format(run=_run()), nl=False)


def _run() -> str:
    """This Python with this folder's commands; -P: whatever lies in the folder one is in."""
    path = f"PYTHONPATH={shlex.quote(str(ROOT))}"
    return f"env {path} {shlex.quote(sys.executable)} -P"


if __name__ == "__main__":
    app()
