"""How far a long command is: a bar on a terminal, a plain line now and then in a pipe."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

LINE_EVERY_S: Final = 10.0


class Progress:
    """`with Progress("replayed", 500, per_s=100) as progress: progress.at(10)`, on stderr."""

    def __init__(self, what: str, total: int, per_s: float) -> None:
        self._what = what
        self._total = total
        self._per_s = per_s
        self._at = 0
        self._said_s = time.monotonic()
        self._bar = _bar(what, total) if sys.stderr.isatty() else None

    def at(self, number: int) -> None:
        """So many are done."""
        self._at = number
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=number)
        elif time.monotonic() - self._said_s >= LINE_EVERY_S:
            self._said_s = time.monotonic()
            left_s = max(0, self._total - number) / self._per_s
            typer.echo(
                f"{number:,} of {self._total:,} {self._what}, {left_s:,.0f} s to go", err=True
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar(what: str, total: int) -> "RichProgress":
    from rich import progress  # noqa: PLC0415 - slow to import
    from rich.console import Console  # noqa: PLC0415

    columns = progress.BarColumn(), progress.MofNCompleteColumn(), progress.TimeRemainingColumn()
    bar = progress.Progress(what, *columns, console=Console(stderr=True))
    bar.add_task(what, total=total)
    return bar
